import Foundation
import TestSupport
import Testing

/// A host with the seed's programs: its own network and processes, which end with it, and its own /etc/kraken, /var, /run and /mnt, so that the seed's commands
/// run with the paths and ports that are written in them.
final class SeedHost {
    let work: TemporaryDirectory
    private let space: NetworkNamespace
    private let holder: Program
    /// The first process there.
    private let first: String
    /// Where the links are.
    var nova: String { work.path("nova") }

    static let programs = ["testfs", "origin", "tracker", "build-index", "agent", "push-cli", "pull-cli", "proxy"]

    init() async throws {
        work = try TemporaryDirectory()
        space = try NetworkNamespace()
        for name in Self.programs.flatMap({ [$0, "kraken-" + $0] }) {
            try FileManager.default.createSymbolicLink(
                atPath: try work.file("nova/\(name)"), withDestinationPath: Swoop.fullPath)
        }
        let packaging = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Packaging/nova")
        try FileManager.default.copyItem(
            at: packaging.appending(path: "start.sh"), to: URL(filePath: work.path("nova/start.sh")))
        try work.makeDirectory("over")
        let script = """
            set -e
            mount -t tmpfs tmpfs '\(work.path("over"))'
            cd '\(work.path("over"))'
            mkdir up work
            mount -t overlay overlay -o lowerdir=/etc,upperdir=$PWD/up,workdir=$PWD/work /etc
            for place in /var/log /var/cache /var/lib /run /mnt; do mount -t tmpfs tmpfs $place; done
            mkdir -p /etc/kraken /mnt/e/sse
            cp -r '\(packaging.path)/config' /etc/kraken/config
            echo ready
            exec sleep 600
            """
        holder = try Program(
            [
                "unshare", "-m", "--propagation", "private", "-p", "-f", "--kill-child", "--mount-proc", "bash", "-c",
                script,
            ], on: space)
        let holder = holder
        try await wait(20, for: "a host of the seed: \(holder.errors)") {
            holder.output.contains("ready") || !holder.isRunning
        }
        try #require(holder.isRunning, "\(holder.errors)")
        let children = try String(contentsOfFile: "/proc/\(holder.pid)/task/\(holder.pid)/children", encoding: .utf8)
        first = try #require(children.split(separator: " ").first.map(String.init))
    }

    /// A command line, in the directory of the links, as a shell takes it.
    func start(_ line: String) throws -> Program {
        try Program(
            [
                "nsenter", "-t", first, "-m", "-n", "-p", "--wd=\(nova)", "env", "-u", "SWOOP_REGISTRY",
                "HOME=/var/lib", "SWOOP=\(Swoop.fullPath)", "bash", "-c", "exec \(line)",
            ])
    }

    func run(_ line: String, within seconds: Double = 60) async throws -> Program.Ending {
        try await start(line).ending(within: seconds)
    }

    /// Whether a command succeeds before long.
    func soon(_ line: String, within seconds: Double = 30) async throws -> Bool {
        try await eventually(seconds: seconds) { try await self.run(line).status == 0 }
    }
}
