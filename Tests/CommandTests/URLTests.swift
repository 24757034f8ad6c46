import HTTPTransport
import Logging
import Metainfo
import Synchronization
import Testing
import Text
import Tracking

@testable import swoop

@Suite("URLs")
struct URLTests {
    /// Right ones and wrong ones, and all sorts between.
    private static func texts() -> [String] {
        var texts = [
            "http://h/", "https://h:1/p?q", "HTTP://h", "http://[::1]:80/a", "", "http:", "http://", "http:///p",
            "ftp://h/", "http//h", "http://h/a b", "http://h/\n", "http://:80/", "udp://h:6969", "udp://h", "udp://h:0",
            "http://u:p@h/", "udp://u@h:1", "http://h\u{fc}/", "http://h/\u{fc}#x", "wss://h", "http://[::1",
            "http://h:",
        ]
        let parts = [
            "http", "https", "udp", "://", ":", "/", "h", "::1", "[", "]", "@", "80", " ", "?", "#", "%", "\u{e9}",
            "\t",
        ]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let scheme = Bool.random(using: &random) ? "http://" : "udp://"
            texts.append(scheme + (0..<Int.random(in: 0..<6)).map { _ in parts.randomElement() ?? "" }.joined())
        }
        return texts
    }

    @Test
    func `what one rule lets pass, each program part can use, and what it refuses none would`() {
        for text in Self.texts() {
            let shown = text.debugDescription
            let trimmed = text.trimmed
            if let seed = try? WebSeedAddress(text).text {
                #expect(HTTPURL(seed) != nil, "\(shown)")
                #expect(HTTPURL(seed) == HTTPURL(trimmed), "\(shown)")
            } else if !text.contains("#") {
                // A fragment, which is never sent, is judged only here.
                #expect(HTTPURL(trimmed) == nil, "\(shown)")
            }
            if let tracker = try? TrackerAddress(text).text {
                let url = TrackerURL(tracker)
                #expect(url != nil, "\(shown)")
                if url?.scheme != .udp { #expect(HTTPURL(tracker) != nil, "\(shown)") }
            }
        }
    }

    @Test
    func `create, edit and get take and refuse the same, with the reason and without the password`() {
        let bad = [
            ("http://me:secret@h/", "user name or a password"), ("http://me:sec/ret@h/", "port"), ("ftp://h/", "'ftp'"),
            ("me:secret@h", "no URL"), ("http:///x", "no host"), ("http://h:99999/", "port"),
        ]
        for (url, reason) in bad {
            for arguments in [
                ["create", "x", "-o", "y", "--web-seed", url], ["edit", "x", "-o", "y", "--web-seed", url],
                ["get", "x", "-o", "y", "--web-seed", url], ["create", "x", "-o", "y", "--tracker", url],
                ["edit", "x", "-o", "y", "--tracker", url],
            ] {
                do {
                    _ = try Swoop.parseAsRoot(arguments)
                    Issue.record("\(arguments) was taken")
                } catch {
                    let message = Swoop.message(for: error)
                    #expect(message.contains(reason), "\(message)")
                    #expect(message.contains(arguments[arguments.count - 2]), "\(message)")
                    #expect(!message.contains("sec") && !message.contains("ret@"), "\(message)")
                }
            }
        }
    }

    @Test
    func `a URL with a blank is encoded and used`() throws {
        let edit = try #require(
            try Swoop.parseAsRoot([
                "edit", "x", "-o", "y", "--web-seed", " http://h/a b", "--tracker", "http://t/a?x=1 2",
            ])
                as? EditCommand)
        #expect(edit.urls.webSeed == ["http://h/a%20b"])
        #expect(edit.urls.tiers == [["http://t/a?x=1%202"]])
        let get = try #require(
            try Swoop.parseAsRoot(["get", "x", "-o", "y", "--web-seed", "http://h/a b"]) as? GetCommand)
        #expect(get.webSeed == ["http://h/a%20b"])
    }

    @Test
    func `the URL of a torrent is refused with the reason and without the password`() async throws {
        for (url, reason) in [
            ("https://me:secret@h/t.torrent", "user name"), ("ftp://h/t.torrent", "'ftp'"), ("http:///t", "no host"),
        ] {
            let failure = await #expect(throws: Failure.self) { try await TorrentSource.open(url) }
            #expect(failure?.status == .usage)
            #expect(failure?.message.contains(reason) == true)
            #expect(failure?.message.contains("secret") == false)
        }
        let failure = await #expect(throws: Failure.self) { try await TorrentSource.open("/no/such:file") }
        #expect(failure?.status == .notFound)
    }

    @Test
    func `nothing that is said or logged has a password in it`() {
        let said = SharedText()
        let reporter = Reporter(mode: .init(json: true), out: { said.add($0) }, err: { said.add($0) })
        let url = "http://me:secret@h/a"
        reporter.note("at \(url)")
        reporter.warning(url)
        reporter.result(url)
        reporter.event(.object([("url", .string(url))]))
        reporter.failure(Failure(.failed, "no \(url)", advice: url))
        reporter.progress(Progress(phase: "downloading", done: 1, total: 2), label: url, force: true)
        var logger = Logger(label: "test") { _ in RedactedLog(CollectingLog(said)) }
        logger[metadataKey: "own"] = "\(url)"
        logger.error(
            "trouble at \(url)",
            metadata: ["url": .stringConvertible(url), "all": .array(["\(url)", ["u": "\(url)"]])])
        let text = said.all
        #expect(!text.contains("secret"), "\(text)")
        #expect(text.components(of: "http://***@h/a") >= 10, "\(text)")
    }
}

/// Keeps what it is told.
private struct CollectingLog: LogHandler {
    let said: SharedText
    var logLevel = Logger.Level.trace
    var metadata = Logger.Metadata()

    init(_ said: SharedText) { self.said = said }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { said.add("\(event.message) \(metadata) \(event.metadata ?? [:])") }
}

private final class SharedText: Sendable {
    private let text = Mutex("")

    var all: String { text.withLock { $0 } }

    func add(_ more: String) { text.withLock { $0 += more } }
}

extension String {
    fileprivate var trimmed: String {
        var bytes = Array(utf8)[...]
        while let first = bytes.first, first <= 0x20 { bytes.removeFirst() }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    fileprivate func components(of text: String) -> Int {
        split(separator: text, omittingEmptySubsequences: false).count - 1
    }
}
