import Address
import Admission
import ArgumentParser
import Backends
import Files
import HTTPServing
import TestFS
import Threads

/// `swoop testfs`: a small HTTP file store, to try a back end with.
struct TestFSCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "testfs",
        abstract: "Run a small HTTP file store, to try a registry's back end with.",
        discussion: """
            Keeps files in a directory: GET, HEAD and POST /files/PATH, GET /list/PREFIX. A POST is answered when the file is \
            durable.

            Examples:
              swoop testfs --data /srv/store
              swoop up --backend http://127.0.0.1:14000
            """)

    @Option(help: ArgumentHelp("The port to listen at; 0 for a free one.", valueName: "port"))
    var port = 14_000

    @Option(help: ArgumentHelp("The address of this machine to be reached at. Default: 127.0.0.1.", valueName: "addr"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Where files are kept. Default: testfs in /var/lib/swoop for root, else in ~/.local/share/swoop.",
            valueName: "dir"))
    var data: String?

    @Flag(help: "Let everybody who reaches --host read and write.")
    var insecure = false

    @OptionGroup var given: ConfigurationArguments

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("'--port' is a number up to 65535") }
    }

    func run(_ reporter: Reporter) async throws {
        let given = try await given.load(.testfs, reporter)
        let logger = given.logger(global, reporter)
        let insecure = insecure || given.values.insecure
        let host = host ?? given.plainHost
        guard HostName.isLoopback(host) || insecure else {
            throw Failure(
                .usage,
                "with '--host \(host.shown)' strangers reach the files: add --insecure if they all may read and write them"
            )
        }
        let path = data ?? given.values.data ?? UpCommand.usualData + "/testfs"
        let files: FileTree
        do throws(SystemError) {
            files = try await Threads.offload { () throws(SystemError) in try FileTree(path: path) }
        } catch {
            throw Failure(
                Failure.status(error.number), "the file store cannot use \(path.shown): \(error)",
                advice: "Give another directory with --data.")
        }
        StopSignal.shared.setForcedStatus(.done)
        DescriptorLimit.raise()
        let server: TestFSServer
        do throws(HTTPServiceError) {
            server = try await TestFSServer.start(
                at: ListenAddress(host: host, port: port), files: files, isInsecure: insecure, admission: Admission(),
                logger: logger)
        } catch {
            throw Failure(error)
        }
        reporter.event(
            .object([
                ("event", .string("listening")), ("files", .string("http://\(server.address)")),
                ("data", .string(path)),
            ]))
        reporter.note("files at http://\(server.address)/files/, kept in \(path.shown)")
        ServiceManager.ready()
        await StopSignal.shared.wait()
        await server.stop()
    }
}
