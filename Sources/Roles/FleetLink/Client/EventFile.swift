import Files
import Fleet
import Glibc
import Hashing
import JSON
import Text

/// The file of an ``EventQueue``. Events are appended and synced, and read again after a restart. A record is its
/// length (four bytes, big-endian), the first four bytes of its SHA-256, and its JSON. The first record holds the
/// number of the next event. A record that a crash left incomplete at the end is cut off.
package final class EventFile: Sendable {
    private let directory: HeldDirectory
    private let file: HeldFile

    private static let name = FileName(own: "events")
    /// Maximum size of a file that is read, in bytes: pending events, and acknowledged ones that are still in the file.
    private static let longest = 48 << 20
    private static let head = 8

    /// The parsed contents of a file.
    package struct Content {
        var events: [(event: AgentEvent, size: Int)] = []
        var next: UInt64 = 1
        /// Length in bytes up to the end of the last complete record.
        var end = 0
    }

    private init(_ directory: HeldDirectory, _ file: HeldFile) {
        self.directory = directory
        self.file = file
    }

    /// Opens the file in a directory, or creates it. Blocks.
    static func open(_ path: String) throws(SystemError) -> (EventFile, Content) {
        let directory = try HeldDirectory.open(SystemPath(path), creating: true)
        let content: Content
        do throws(SystemError) {
            content = parse(try directory.read(name, limit: longest).bytes)
        } catch {
            guard error.number == ENOENT else { throw error }
            return (try make(directory, next: 1, []), Content())
        }
        let file = try directory.open(name, .write)
        try file.truncate(to: Int64(content.end))
        return (EventFile(directory, file), content)
    }

    /// Replaces the file with one that has only these events. Blocks.
    func replaced(next: UInt64, _ events: [AgentEvent]) throws(SystemError) -> EventFile {
        try Self.make(directory, next: next, events)
    }

    private static func make(
        _ directory: HeldDirectory, next: UInt64, _ events: [AgentEvent]
    ) throws(SystemError) -> EventFile {
        var bytes = record(JSONValue.object(["next": .integer(Int64(clamping: next))]).encode())
        for event in events { bytes += record(event.bytes) }
        try directory.replace(
            name, with: bytes, temporary: .random(prefix: ".events-"), [.writeOnly, .hiddenFromOthers])
        return EventFile(directory, try directory.open(name, .write))
    }

    /// Appends events and makes them durable. Blocks.
    func append(_ events: [[UInt8]]) throws(SystemError) {
        let end = try file.status().size
        let bytes = events.flatMap { Self.record($0) }
        do throws(SystemError) {
            try directory.layer.write(file.descriptor, bytes, at: end)
            try file.synchronize(dataOnly: true)
        } catch {
            // The parser stops at an incomplete record, so it must not stay in front of later ones.
            try? file.truncate(to: end)
            throw error
        }
    }

    private static func record(_ payload: [UInt8]) -> [UInt8] {
        let length = UInt32(clamping: payload.count)
        return (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }
            + SHA256.digest(payload).bytes.prefix(4) + payload
    }

    package static func parse(_ bytes: [UInt8]) -> Content {
        var content = Content()
        while bytes.count - content.end >= head {
            let start = content.end
            let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - start - head else { break }
            let payload = Array(bytes[start + head..<start + head + length])
            guard SHA256.digest(payload).bytes.prefix(4).elementsEqual(bytes[start + 4..<start + head]),
                let json = try? JSONValue.parse(payload)
            else { break }
            if case .integer(let next)? = json["next"], next > 0 {
                content.next = max(content.next, UInt64(next))
            } else if let event = try? AgentEvent(json: json) {
                content.events.append((event, length))
                content.next = max(content.next, event.number + 1)
            }
            content.end = start + head + length
        }
        return content
    }
}
