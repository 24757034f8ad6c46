import CLinux
import Files
import Glibc
import JSON
import Registry
import Text
import Threads

/// The protocol by which a command gets blobs from the agent of its host: lines of JSON over a UNIX socket.
///
/// The command asks for one blob of a manifest. The agent answers with any number of progress lines and one last line.
/// If the agent has the blob, it sends a read-only file descriptor of the blob with the last line. Then the command may
/// ask for the next blob.
package enum DescriptorProtocol {
    package static let usualPath = "/run/swoop/agent.sock"
    static let mostLine = 4 << 10
    /// Most bytes of the line with the agent's status.
    static let mostStatus = 1 << 20

    /// The line that asks for the agent's status.
    static let statusRequest = JSONValue.object(["status": .bool(true)])
    static func asksForStatus(_ value: JSONValue) -> Bool { value["status"] == .bool(true) }

    /// The line that asks for one blob of a manifest.
    package struct Request: Sendable, Hashable {
        package let name: ContentName
        package let manifest: BlobDigest
        package let blob: BlobDigest

        package init(name: ContentName, manifest: BlobDigest, blob: BlobDigest) {
            self.name = name
            self.manifest = manifest
            self.blob = blob
        }

        init?(_ value: JSONValue) {
            guard let name = value["name"]?.stringValue.flatMap({ ContentName($0) }),
                let manifest = value["manifest"]?.stringValue.flatMap({ BlobDigest($0) }),
                let blob = value["blob"]?.stringValue.flatMap({ BlobDigest($0) })
            else { return nil }
            self.init(name: name, manifest: manifest, blob: blob)
        }

        var json: JSONValue {
            .object([
                "name": .string(name.text), "manifest": .string(manifest.description),
                "blob": .string(blob.description),
            ])
        }
    }

    /// The line that asks what a reference stands for. With the last line of the answer comes a descriptor of a file in
    /// memory: JSON as an index answers.
    struct Question: Sendable, Hashable {
        let reference: Reference
        /// Host and port of the registry that is meant: an agent of another one does not answer.
        let registry: String

        init(_ reference: Reference, of registry: String) {
            self.reference = reference
            self.registry = registry
        }

        init?(_ value: JSONValue) {
            guard let reference = value["resolve"]?.stringValue.flatMap({ Reference($0) }),
                let registry = value["registry"]?.stringValue
            else { return nil }
            self.init(reference, of: registry)
        }

        var json: JSONValue {
            .object(["resolve": .string(reference.description), "registry": .string(registry)])
        }
    }

    /// A line that the agent sends.
    package enum Answer: Sendable, Hashable {
        /// - Parameter trouble: why nothing is being received; nil while something is.
        case progress(done: Int64, total: Int64, peers: Int, origins: Int, trouble: String? = nil)
        /// A file descriptor of the blob is sent with this line.
        case ready(wasCached: Bool)
        case failed(unknown: Bool, String)

        init?(_ value: JSONValue) {
            if let text = value["error"]?.stringValue {
                self = .failed(
                    unknown: value["unknown"]?.lenientFlag ?? false, DisplayName.escape(String(text.prefix(1_000))))
            } else if let cached = value["ready"]?.lenientFlag {
                self = .ready(wasCached: cached)
            } else if let done = value["done"]?.lenientInteger, let total = value["total"]?.lenientInteger,
                let peers = value["peers"]?.lenientInteger
            {
                self = .progress(
                    done: max(0, min(done, BlobSize.most)), total: max(0, min(total, BlobSize.most)),
                    peers: Int(clamping: peers),
                    origins: Int(clamping: value["origins"]?.lenientInteger ?? 0),
                    trouble: value["trouble"]?.stringValue.map { DisplayName.escape(String($0.prefix(500))) })
            } else {
                return nil
            }
        }

        var json: JSONValue {
            switch self {
            case .progress(let done, let total, let peers, let origins, let trouble):
                Self.line(done: done, total: total, peers: peers, origins: origins, trouble: trouble)
            case .ready(let wasCached): .object(["ready": .bool(wasCached)])
            case .failed(let unknown, let text): .object(["error": .string(text), "unknown": .bool(unknown)])
            }
        }

        private static func line(done: Int64, total: Int64, peers: Int, origins: Int, trouble: String?) -> JSONValue {
            var object: JSONObject = [
                "done": .integer(done), "total": .integer(total), "peers": .integer(Int64(peers)),
                "origins": .integer(Int64(origins)),
            ]
            if let trouble { object["trouble"] = .string(String(trouble.prefix(500))) }
            return .object(object)
        }
    }

    // MARK: The socket

    /// The socket address of a path; nil for a path that is empty, too long, or has a NUL byte.
    static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
            return nil
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    /// A connection to the agent that listens at a path; nil if none does.
    static func connect(to path: String) -> DescriptorChannel? {
        guard let address = address(path) else { return nil }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let channel = DescriptorChannel(descriptor)
        return withAddress(address) { Glibc.connect(descriptor, $0, $1) == 0 } ? channel : nil
    }

    static func withAddress<Value>(_ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value)
        -> Value
    {
        var address = address
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// One end of a connection between a command and its host's agent. Calls block; use it from one thread at a time.
final class DescriptorChannel: Sendable {
    let descriptor: Files.Descriptor

    init(_ descriptor: Files.Descriptor) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    /// Seconds in which a line must have come, after its first byte.
    private static let lineSeconds = 10.0

    /// Sends a line.
    /// - Parameter file: a file whose descriptor is sent with the line; nil for none.
    func send(_ value: JSONValue, with file: HeldFile? = nil) throws(SystemError) {
        var bytes = value.encode() + [0x0a]
        var descriptorToSend = file?.descriptor ?? -1
        while !bytes.isEmpty {
            let sent = swoop_send_descriptor(descriptor, bytes, bytes.count, descriptorToSend)
            guard sent > 0 else { throw .current }
            bytes.removeFirst(sent)
            descriptorToSend = -1
        }
    }

    /// Receives the next line, and the file descriptor that came with it. Never reads beyond the end of the line.
    /// - Parameters:
    ///   - milliseconds: most time to wait for the first byte; -1 for no limit. The rest of the line has ten seconds.
    ///   - limit: most bytes of the line.
    /// - Returns: nil at the end of the connection.
    func receive(
        milliseconds: Int32, limit: Int = DescriptorProtocol.mostLine
    ) throws(SystemError) -> (JSONValue, HeldFile?)? {
        var line: [UInt8] = []
        var file: HeldFile?
        var end = Double.infinity
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = line.isEmpty ? milliseconds : Int32(max(0, (end - Clocks.steadySeconds) * 1_000))
            let ready = poll(&waiting, 1, left)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { throw ready == 0 ? SystemError(ETIMEDOUT) : .current }
            // One byte at a time is fast enough here: most lines have a few hundred bytes.
            var byte: UInt8 = 0
            var received: Int32 = -1
            let count = swoop_receive_descriptor(descriptor, &byte, 1, &received)
            if received >= 0 { file = HeldFile(received) }
            guard count > 0 else {
                if count == 0 { return nil }
                throw .current
            }
            if byte == 0x0a { break }
            if line.isEmpty { end = Clocks.steadySeconds + Self.lineSeconds }
            line.append(byte)
            guard line.count <= limit else { throw SystemError(EMSGSIZE) }
        }
        let isShort = limit == DescriptorProtocol.mostLine
        let limits = JSONLimits(maxBytes: limit, maxDepth: isShort ? 4 : 16, maxValues: isShort ? 32 : limit / 8)
        guard let value = try? JSONValue.parse(line, limits: limits) else { throw SystemError(EPROTO) }
        return (value, file)
    }
}

extension DescriptorProtocol {
    /// The status of the agent that listens at a path. Blocks.
    /// - Returns: nil if no agent listens there.
    package static func status(at path: String) throws(SystemError) -> JSONValue? {
        guard let channel = connect(to: path) else { return nil }
        try channel.send(statusRequest)
        guard let (value, _) = try channel.receive(milliseconds: 30_000, limit: mostStatus) else {
            throw SystemError(ECONNRESET)
        }
        return value
    }
}
