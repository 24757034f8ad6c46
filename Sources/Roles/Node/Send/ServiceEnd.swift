import BFT
import Jobs
import Policy

/// When the service of a task that is sent ends, across restarts: a file of DATA for each task that has been uploaded.
struct ServiceEnd: Sendable {
    private let directory: String
    private let path: String

    init(of name: String, data: String) {
        directory = "\(data)/sender/.service"
        path = "\(directory)/\(name)"
    }

    /// As it was recorded; nil when it was not.
    var recorded: Instant? {
        let bytes = try? PathFiles.read(path, limit: 64)
        return bytes.flatMap { Int64(String(decoding: $0, as: UTF8.self).trimmed) }.map { Instant(seconds: Double($0)) }
    }

    /// Without a record it is computed from the time of sending.
    func save(_ end: Instant) {
        try? PathFiles.makeDirectory(directory)
        try? PathFiles.write(Array("\(Int64(end.seconds.rounded()))\n".utf8), to: path)
    }

    func remove() { PathFiles.removeFile(path) }
}
