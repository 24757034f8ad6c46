// HTTPOrigin: web seeds (BEP 19), servers that hold a torrent's files as plain files.
//
// What it is for: fetching any stretch of the content over HTTP/1.1 ranges and handing it on as it arrives. What it
// must never do: believe that the bytes are right (pieces are verified like any), or that they are wrong because an entity
// tag or a date changed (mirrors behind one name differ in both), wait for a server without end, buffer more than a read
// or two, or decide when to try again (that is `WebSeedHealth` and its owner).

import Glibc
import HTTPTransport
import Metainfo
import NIOCore
import NIOHTTP1
import Text
import Threads

/// The connections of all web seeds of a process. `shutdown` it before the last reference goes.
package final class WebSeedClient: Sendable {
    let settings: WebSeedSettings
    let transport: HTTPTransport

    package convenience init(settings: WebSeedSettings = WebSeedSettings()) {
        self.init(settings: settings) { _ in }
    }

    /// - Parameter adjust: for tests: names and addresses as the test has them.
    init(settings: WebSeedSettings, adjust: (inout HTTPTransportSettings) -> Void) {
        self.settings = settings
        var http = HTTPTransportSettings()
        if let address = settings.localAddress, !["", "::", "[::]", "0.0.0.0"].contains(address) {
            http.localAddress = address
        }
        http.trustedAuthorities = settings.trustedAuthorities
        http.userAgent = settings.userAgent
        http.connectTimeout = settings.connectTimeout
        http.readTimeout = settings.stallTimeout
        http.connectionsPerHost = settings.connectionsPerHost
        adjust(&http)
        transport = HTTPTransport(settings: http)
    }

    /// Closes all connections; fetches under way fail.
    package func shutdown() async { await transport.shutdown() }
}

/// One URL of a torrent's `url-list`, or of a server that holds its files in another place.
package final class WebSeed: RangeSource {
    /// Host and port, for a person.
    package let host: String
    package let layout: ContentLayout

    private let base: HTTPURL
    private let root: Root
    private let client: WebSeedClient
    /// What addresses the base URL may have.
    private let allowed: ReachSet

    /// Nil when `url` is no http or https URL that can be fetched from.
    /// - Parameter isNamedByTorrent: the URL comes from a stranger: see `AddressRule.torrentWebSeed`.
    package convenience init?(
        url: String, name: PathComponent, isSingleFile: Bool, layout: ContentLayout, isNamedByTorrent: Bool = false,
        client: WebSeedClient
    ) {
        guard let base = HTTPURL(url) else { return nil }
        let slash = base.path.utf8.last == UInt8(ascii: "/")
        self.init(
            base, isSingleFile && !slash ? .wholeURL : .directory([name.bytes]), layout,
            isNamedByTorrent ? .torrentWebSeed : .trusted, client)
    }

    /// Content whose files lie right below `contentURL`, whatever the torrent's name: file i is at `contentURL/<path>`,
    /// and the file of a single-file torrent is `contentURL` itself.
    ///
    /// Nil when `contentURL` is no http or https URL that can be fetched from.
    package convenience init?(contentURL: String, layout: ContentLayout, client: WebSeedClient) {
        guard let base = HTTPURL(contentURL) else { return nil }
        self.init(base, .directory([]), layout, .trusted, client)
    }

    private init(
        _ base: HTTPURL, _ root: Root, _ layout: ContentLayout, _ rule: AddressRule, _ client: WebSeedClient
    ) {
        self.base = base
        allowed = rule.addresses(of: base)
        self.root = root
        self.layout = layout
        self.client = client
        host = base.authority
    }

    /// A web seed's URL for texts and logs: without user name, password and query.
    package static func shown(_ url: String) -> String { HTTPURL.redacted(url) }

    /// Where the files are, seen from the base URL.
    private enum Root: Sendable {
        /// The URL is the only file's.
        case wholeURL
        /// The files' paths come after these components.
        case directory([[UInt8]])
    }

    /// Nil when `url` is no http or https URL that can be fetched from.
    /// - Parameter isNamedByTorrent: as above.
    package convenience init?(url: String, info: Info, isNamedByTorrent: Bool = false, client: WebSeedClient) {
        self.init(
            url: url, name: info.name, isSingleFile: info.isSingleFile, layout: info.layout,
            isNamedByTorrent: isNamedByTorrent, client: client)
    }

    /// The URL of a file (BEP 19): the base itself for a single file unless it ends in a slash, else base, name and
    /// path.
    func url(ofFile file: Int) -> HTTPURL? {
        guard case .directory(let components) = root else { return base }
        let all = components + layout.files[file].path.components.map(\.bytes)
        return all.isEmpty ? base : base.appending(all)
    }

    /// Fetches a run of whole pieces; see the other `fetch`.
    package nonisolated(nonsending) func fetch(
        pieces: Range<Int>, sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome {
        guard let first = layout.piece(pieces.lowerBound), let last = layout.piece(pieces.upperBound - 1) else {
            return .complete
        }
        return await fetch(
            layout.offset(of: first)..<layout.offset(of: last) + Int64(layout.length(of: last)), sink: sink)
    }

    /// Fetches a run of bytes of the content space, in order, with one request per file.
    ///
    /// Padding comes as zeros; what belongs to no piece (gaps in v2-only torrents) is left out. The next chunk is read
    /// when the sink has returned, so a slow sink slows the server down. To stop, return false or cancel the task.
    /// Call it from a task outside any actor if the sink is cheap: each chunk then costs no change of threads.
    package nonisolated(nonsending) func fetch(
        _ run: Range<Int64>, sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome {
        await layout.fetch(run, sink: sink) { range, offset in
            let outcome = await body(of: range, at: offset, sink)
            guard case .failed(let problem, let next) = outcome else { return outcome }
            return .failed(problem.naming(layout.name(ofFile: range.file)), next: next)
        }
    }

    /// One request: its answer checked, its body handed on.
    private nonisolated(nonsending) func body(
        of range: FileRange, at offset: Int64, _ sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome {
        guard let url = url(ofFile: range.file) else {
            return .failed(
                .giveUp(file: range.file, reason: "\(host): the file's name makes too long a URL"), next: offset)
        }
        var progress = FetchProgress(settings: client.settings, next: offset)
        do {
            var headers = HTTPHeaders()
            if let value = range.header { headers.add(name: "Range", value: value) }
            let answer = try await client.transport.get(
                url, headers: headers, allowed: allowed, deadline: .now() + .after(client.settings.answerTimeout))
            let meaning = RangeAnswer(
                status: Int(answer.status.code), headers: answer.headers, to: range, host: answer.host,
                settings: client.settings, now: Double(Clocks.wallWholeSeconds))
            guard case .body(var skip, let length) = meaning else {
                if case .problem(let problem) = meaning { return .failed(problem, next: offset) }
                return .complete
            }
            let end = offset + length
            // Bytes after our stretch are expected only where a whole small file came for a range.
            let hasTail = skip > 0 || (answer.status == .ok && !range.isWholeFile)
            progress.waits()
            for try await part in answer.body {
                if let problem = progress.received(part.readableBytes, host: answer.host) {
                    return .failed(problem, next: progress.next)
                }
                var part = part
                let skipped = Int(min(skip, Int64(part.readableBytes)))
                part.moveReaderIndex(forwardBy: skipped)
                skip -= Int64(skipped)
                let left = end - progress.next
                if Int64(part.readableBytes) > left {
                    guard hasTail else {
                        return .failed(
                            .wrongContent(
                                file: range.file,
                                reason: SourceReason(
                                    .wrongContent, "\(answer.host) sends more bytes than it was asked for")),
                            next: progress.next)
                    }
                    part = part.getSlice(at: part.readerIndex, length: Int(left)) ?? ByteBuffer()
                }
                if part.readableBytes > 0 {
                    let count = Int64(part.readableBytes)
                    guard await sink(WebSeedChunk(offset: progress.next, buffer: part)) else { return .stopped }
                    progress.next += count
                }
                // The rest of a small file is not worth reading; leaving the loop ends the request.
                if hasTail && progress.next == end { return .complete }
                progress.waits()
            }
            guard progress.next == end else {
                return .failed(
                    .wrongContent(
                        file: range.file,
                        reason: SourceReason(.wrongContent, "\(answer.host) sends fewer bytes than it was asked for")),
                    next: progress.next)
            }
            return .complete
        } catch {
            return .failed(problem(error, in: range, progress), next: progress.next)
        }
    }

    private func problem(_ error: any Error, in range: FileRange, _ progress: FetchProgress) -> WebSeedProblem {
        let error = HTTPTransportError(error, host: host)
        switch error {
        case .cancelled: return .cancelled
        case .timedOut:
            // While we were busy, the silence was ours, and the connection was dropped through no fault of the server.
            if progress.isOwnDelay { return .retry(after: 0, reason: "\(error)") }
            return .retry(after: nil, reason: "\(host) has stalled")
        case .unresolved(let host):
            return .unreachable(reason: SourceReason(.unresolved(host: host), error.description))
        case .unreachable(let host, _):
            return .unreachable(reason: SourceReason(.unreachable(host: host), error.description))
        case .broken, .bodyTooLarge: return .retry(after: nil, reason: "\(error)")
        // Where one file leads says nothing of the others.
        case .tooManyRedirects, .badRedirect, .refusedRedirect, .insecureRedirect, .leadsToMagnet:
            return .giveUp(file: range.file, reason: "\(error)")
        case .invalidURL, .notTrusted, .refusedAddress: return .giveUp(file: nil, reason: "\(error)")
        }
    }
}
