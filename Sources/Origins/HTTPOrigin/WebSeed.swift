// HTTPOrigin: web seeds (BEP 19), HTTP servers that have a torrent's files as plain files.
//
// Purpose: fetch any range of the content with HTTP/1.1 range requests and deliver it as it arrives. Must never: trust
// the bytes (pieces are verified as usual); take a changed entity tag or date as proof of wrong content (mirrors behind
// one name differ in both); wait for a server without limit; buffer more than a read or two; decide when to retry
// (`WebSeedHealth` and its owner do).

import Glibc
import HTTPTransport
import Metainfo
import NIOCore
import NIOHTTP1
import Text
import Threads

/// The connections to all web seeds of a process. Call `shutdown` before releasing the last reference.
package final class WebSeedClient: Sendable {
    let settings: WebSeedSettings
    let transport: HTTPTransport

    package convenience init(settings: WebSeedSettings = WebSeedSettings()) {
        self.init(settings: settings) { _ in }
    }

    /// - Parameter adjust: for tests, to override names and addresses.
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

    /// Closes all connections. Running fetches fail.
    package func shutdown() async { await transport.shutdown() }
}

/// One URL of a torrent's `url-list`, or of another server that has its files.
package final class WebSeed: RangeSource {
    /// Host and port, for a person.
    package let host: String
    package let layout: ContentLayout

    private let base: HTTPURL
    private let root: Root
    private let client: WebSeedClient
    /// The addresses to which the base URL may resolve.
    private let allowed: ReachSet

    /// Nil if `url` is not a valid http or https URL.
    /// - Parameter isNamedByTorrent: whether the URL is untrusted; see `AddressRule.torrentWebSeed`.
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

    /// Content whose files are directly below `contentURL`, regardless of the torrent's name: file i is at
    /// `contentURL/<path>`. A single-file torrent is at `contentURL` itself.
    ///
    /// Nil if `contentURL` is not a valid http or https URL.
    package convenience init?(contentURL: String, layout: ContentLayout, client: WebSeedClient) {
        guard let base = HTTPURL(contentURL) else { return nil }
        self.init(base, .directory([]), layout, .trusted, client)
    }

    /// Content each of whose files has a URL of its own, which may change with time.
    ///
    /// Nil if `base` is not a valid http or https URL.
    /// - Parameters:
    ///   - base: of the server that all of them are at.
    ///   - find: the URL of a file now; nil where there is none. Asked once for each request.
    package convenience init?(
        base: String, layout: ContentLayout, client: WebSeedClient, find: @escaping @Sendable (Int) async -> HTTPURL?
    ) {
        guard let base = HTTPURL(base) else { return nil }
        self.init(base, .each(find), layout, .trusted, client)
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

    /// A web seed's URL for messages and logs, without user name, password and query.
    package static func shown(_ url: String) -> String { HTTPURL.redacted(url) }

    /// Location of the files relative to the base URL.
    private enum Root: Sendable {
        /// The URL is that of the only file.
        case wholeURL
        /// The path components before the files' paths.
        case directory([[UInt8]])
        /// Each file has its own URL.
        case each(@Sendable (Int) async -> HTTPURL?)
    }

    /// Nil if `url` is not a valid http or https URL.
    /// - Parameter isNamedByTorrent: as above.
    package convenience init?(url: String, info: Info, isNamedByTorrent: Bool = false, client: WebSeedClient) {
        self.init(
            url: url, name: info.name, isSingleFile: info.isSingleFile, layout: info.layout,
            isNamedByTorrent: isNamedByTorrent, client: client)
    }

    /// The URL of a file (BEP 19). For a single file the base URL, unless it ends in a slash; else base, name and path.
    func url(ofFile file: Int) -> HTTPURL? {
        guard case .directory(let components) = root else {
            if case .wholeURL = root { return base }
            return nil
        }
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

    /// Fetches a range of the content space, in order, with one request for each file.
    ///
    /// Padding is delivered as zeros; bytes that belong to no piece (gaps in v2-only torrents) are left out. The next
    /// chunk is read after the sink has returned, so a slow sink slows the server down. To stop, return false or cancel
    /// the task. If the sink is cheap, call this from a task outside any actor, which avoids a thread switch for each
    /// chunk.
    package nonisolated(nonsending) func fetch(
        _ run: Range<Int64>, sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome {
        await layout.fetch(run, sink: sink) { range, offset in
            let outcome = await body(of: range, at: offset, sink)
            guard case .failed(let problem, let next) = outcome else { return outcome }
            return .failed(problem.naming(layout.name(ofFile: range.file)), next: next)
        }
    }

    /// Sends one request, checks its response, and delivers the body.
    private nonisolated(nonsending) func body(
        of range: FileRange, at offset: Int64, _ sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome {
        let found: HTTPURL?
        if case .each(let find) = root {
            found = await find(range.file)
            guard let found, found.authority == base.authority, found.isSecure == base.isSecure else {
                return .failed(
                    .retry(
                        after: nil, reason: SourceReason(.status(403), "\(host): there is no URL for the file")),
                    next: offset)
            }
        } else {
            found = url(ofFile: range.file)
        }
        guard let url = found else {
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
            // Bytes after the range are expected only if a whole small file was sent in response to a range request.
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
