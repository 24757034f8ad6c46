import BFT
import Jobs
import MetricFamilies
import Text

/// The API's interface to a node: one method for each call. A node replies to every call; invalid parameters are an
/// error reply and must never trap. Parameters are unchecked: of any type, with any text.
package protocol NodeCalls: Sendable {
    /// The current token; nil if none is set. Called for each request, because a reload may change it.
    func apiToken() async -> Secret?

    func gentask(_ request: APIRequest) async -> APIReply
    func taskfilesquery(_ request: APIRequest) async -> APIReply
    func send(_ request: APIRequest) async -> APIReply
    func sends(_ request: APIRequest) async -> APIReply
    func uploadprogress(_ request: APIRequest) async -> APIReply
    func recv(_ request: APIRequest) async -> APIReply
    /// The request's method is `progress`, or `cprogress` on a cacher.
    func progress(_ request: APIRequest) async -> APIReply
    func cancel(_ request: APIRequest) async -> APIReply

    /// The text of the schedules.
    func showschedules() async -> String
    /// The result of reloading the configuration.
    func reloadconf() async -> String
    /// `YYYY-MM-DD HH:MM:SS is living.`
    func heartbeat() async -> String
    func version() async -> String

    /// `cprogress` on a cacher, else `progress`.
    var progressMethod: String { get async }

    /// All tasks of this node, in queues and directories.
    func tasks() async -> [TaskEntry]
    /// The tasks with this name, without examining all others.
    func tasks(named name: String) async -> [TaskEntry]
    /// The jobs that are fetched or served now, by name.
    func jobs() async -> [JobStatus]
    /// One of them; nil for a task that waits, has ended or is not known.
    func job(named name: String) async -> JobStatus?
    /// A finished task file, to be taken over by a receiver. Nil when there is none of that name.
    func taskFile(named name: String) async -> [UInt8]?
    func metrics() async -> [MetricFamily]
    /// Why the node cannot work; nil if it can.
    func trouble() async -> String?
}

/// A task in one of the state directories.
package struct TaskEntry: Sendable, Equatable {
    package enum Direction: String, Sendable { case send, receive }

    /// `SUBDIR-NAME.task.json`.
    package let file: String
    package let direction: Direction
    /// The directory's name: `queues`, `uploading`, `downloaded` and so on.
    package let state: String
    /// Current path of the task file.
    package let path: String

    package init(file: String, direction: Direction, state: String, path: String) {
        self.file = file
        self.direction = direction
        self.state = state
        self.path = path
    }
}

/// The calls with an envelope, named like their paths and methods.
package enum APICall: String, CaseIterable, Sendable {
    case gentask, taskfilesquery, send, sends, uploadprogress, recv, progress, cancel

    /// Allowed values of `method_name` for this call.
    var methodNames: [String] { self == .progress ? ["progress", "cprogress"] : [rawValue] }

    func run(_ request: APIRequest, on node: some NodeCalls) async -> APIReply {
        switch self {
        case .gentask: await node.gentask(request)
        case .taskfilesquery: await node.taskfilesquery(request)
        case .send: await node.send(request)
        case .sends: await node.sends(request)
        case .uploadprogress: await node.uploadprogress(request)
        case .recv: await node.recv(request)
        case .progress: await node.progress(request)
        case .cancel: await node.cancel(request)
        }
    }
}
