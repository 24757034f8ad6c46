import Foundation
import TestSupport
import Testing

/// The program under test: what SWOOP names, or the release build of this package.
enum Swoop {
    static let path: String = {
        if let path = ProcessInfo.processInfo.environment["SWOOP"] { return path }
        let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return top.path + "/.build/release/swoop"
    }()

    /// From the root, for links and other directories.
    static var fullPath: String { URL(filePath: path).standardizedFileURL.path }

    /// Fails with what to do when the program is not there.
    static func checkBuilt() throws {
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw TimedOut(
                description: "no program at \(path): run 'swift build -c release --product swoop', or set SWOOP")
        }
    }

    /// Starts it and does not wait.
    static func start(
        _ arguments: String..., on host: NetworkNamespace? = nil, environment: [String: String] = [:]
    ) throws -> Program {
        try Program([path] + arguments, on: host, environment: environment)
    }

    /// Runs it to its end.
    static func run(
        _ arguments: String..., on host: NetworkNamespace? = nil, within seconds: Double = 60,
        environment: [String: String] = [:]
    ) async throws -> Program.Ending {
        try await Program([path] + arguments, on: host, environment: environment).ending(within: seconds)
    }

    /// Makes a torrent, which must succeed.
    static func create(_ content: String, to torrent: String, _ more: String...) async throws -> String {
        let ending = try await Program([path, "create", content, "-o", torrent] + more).ending()
        try #require(ending.status == 0, "\(ending)")
        return torrent
    }
}
