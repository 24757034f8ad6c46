import Delivery
import Jobs
import MetricFamilies
import Text

/// What the API asks of a node: one method for each call. A node answers everything; what is wrong with the parameters
/// is an answer too, never a trap. Parameters are as they came: of any type, with any text in them.
package protocol NodeCalls: Sendable {
    /// The token in force; nil when none is set. Asked for each request, since a reload may change it.
    func apiToken() async -> Secret?

    func gentask(_ request: APIRequest) async -> APIReply
    func taskfilesquery(_ request: APIRequest) async -> APIReply
    func send(_ request: APIRequest) async -> APIReply
    func sends(_ request: APIRequest) async -> APIReply
    func uploadprogress(_ request: APIRequest) async -> APIReply
    func recv(_ request: APIRequest) async -> APIReply
    /// The request's method is `progress`, or `cprogress` as a cacher wants it.
    func progress(_ request: APIRequest) async -> APIReply
    func cancel(_ request: APIRequest) async -> APIReply

    /// The page of schedules, as text.
    func showschedules() async -> String
    /// What came of loading the configuration again.
    func reloadconf() async -> String
    /// `YYYY-MM-DD HH:MM:SS is living.`
    func heartbeat() async -> String
    func version() async -> String

    /// `cprogress` on a cacher, else `progress`.
    var progressMethod: String { get async }

    /// Every task that this node knows, in queues and directories.
    func tasks() async -> [TaskEntry]
    /// The tasks of one name, without a look at all the others.
    func tasks(named name: String) async -> [TaskEntry]
    /// The jobs that are fetched or served now, by name.
    func jobs() async -> [JobStatus]
    /// One of them; nil for a task that waits, has ended or is not known.
    func job(named name: String) async -> JobStatus?
    /// A finished task file, to be taken over by a receiver. Nil when there is none of that name.
    func taskFile(named name: String) async -> [UInt8]?
    func metrics() async -> [MetricFamily]
    /// Why the node cannot do its work; nil when it can.
    func trouble() async -> String?
}

/// A task as it stands in one of the directories.
package struct TaskEntry: Sendable, Equatable {
    package enum Direction: String, Sendable { case send, receive }

    /// `SUBDIR-NAME.task.json`.
    package let file: String
    package let direction: Direction
    /// The directory's name: `queues`, `uploading`, `downloaded` and so on.
    package let state: String
    /// Where the task file is now.
    package let path: String

    package init(file: String, direction: Direction, state: String, path: String) {
        self.file = file
        self.direction = direction
        self.state = state
        self.path = path
    }
}

/// The calls of the envelope, by the names of their paths and methods.
package enum APICall: String, CaseIterable, Sendable {
    case gentask, taskfilesquery, send, sends, uploadprogress, recv, progress, cancel

    /// What `method_name` may say for this call.
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
