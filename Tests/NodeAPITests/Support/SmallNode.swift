import BFT
import Jobs
import MetricFamilies
import NodeAPI
import Policy
import Text

/// A node that keeps its tasks in memory: enough of one to see what the API does with calls and replies.
actor SmallNode: NodeCalls {
    private var entries: [String: TaskEntry] = [:]
    private var downloaded: [String: Int64] = [:]
    private var files: [String: [UInt8]] = [:]
    private(set) var calls: [APIRequest] = []
    /// How often somebody looked for a task by its name.
    private(set) var looks = 0
    private var token: Secret?
    private var role = "receiver"
    private var problem: String?

    init(token: String? = nil, role: String = "receiver") {
        self.token = token.map(Secret.init)
        self.role = role
    }

    func setToken(_ text: String?) { token = text.map(Secret.init) }
    func setProblem(_ text: String?) { problem = text }
    func add(_ entry: TaskEntry, file: [UInt8]? = nil) {
        entries[entry.file] = entry
        files[entry.file] = file
    }
    func receive(_ count: Int64, of file: String) { downloaded[file, default: 0] += count }

    func apiToken() -> Secret? { token }

    func gentask(_ request: APIRequest) -> APIReply {
        calls.append(request)
        guard let file = request.givenText("taskfile") else { return .failure(GenerationFailureText.noTaskFile) }
        return .success(ReplyText.waitForTask(torrent: "A.torrent", tmpTorrent: nil, taskFile: file))
    }

    func taskfilesquery(_ request: APIRequest) -> APIReply {
        calls.append(request)
        return APIReply(succeeded: true, content: ["status": "finished", "desc": "succeed!"])
    }

    func send(_ request: APIRequest) -> APIReply { start(request, .send, "uploading", ReplyText.succeeded) }
    func sends(_ request: APIRequest) -> APIReply { start(request, .send, "uploading", ReplyText.succeeded) }
    func recv(_ request: APIRequest) -> APIReply { start(request, .receive, "downloading", ReplyText.succeed) }

    func uploadprogress(_ request: APIRequest) -> APIReply {
        calls.append(request)
        return APIReply(succeeded: true, content: ["status": "ready", "obsstatus": "completed"])
    }

    func progress(_ request: APIRequest) -> APIReply {
        calls.append(request)
        if role == "cacher", request.method == "progress" { return .failure(ProgressFailureText.useCProgress) }
        guard let file = request.givenText("taskfile"), let entry = entries[file] else {
            return .failure(ProgressFailureText.unknownTask)
        }
        return APIReply(
            succeeded: true, content: ["status": .string(entry.state), "downloaded": .integer(downloaded[file] ?? 0)])
    }

    func cancel(_ request: APIRequest) -> APIReply {
        calls.append(request)
        let file = request.givenText("taskfile") ?? ""
        guard entries.removeValue(forKey: file) != nil else {
            return .success(ReplyText.nothingToCancel(taskFileName: file))
        }
        return .success(ReplyText.succeed)
    }

    func showschedules() -> String { "Now: 2026-01-02 03:04:05\n" }
    func reloadconf() -> String { ReplyText.reloaded }
    func heartbeat() -> String { ReplyText.living(time: "2026-01-02 03:04:05") }
    func version() -> String { "2.001" }
    var progressMethod: String { role == "cacher" ? "cprogress" : "progress" }
    func jobs() -> [JobStatus] { entries.keys.sorted().compactMap(job(named:)) }
    func job(named name: String) -> JobStatus? {
        guard let entry = entries[name], entry.direction == .receive else { return nil }
        let record = JobRecord(began: Instant(seconds: 1_800_000_000))
        return JobStatus(name: name, state: .receiving, record: record, totalBytes: 1000, localBytes: 10)
    }
    func tasks() -> [TaskEntry] { entries.values.sorted { $0.file < $1.file } }
    func tasks(named name: String) -> [TaskEntry] {
        looks += 1
        return entries[name].map { [$0] } ?? []
    }
    func taskFile(named name: String) -> [UInt8]? { files[name] }
    func trouble() -> String? { problem }

    func metrics() -> [MetricFamily] {
        [
            MetricFamily("swoop_node_tasks", .gauge, "Tasks that are known.", Double(entries.count)),
            MetricFamily(
                name: "swoop_node_bytes_total", kind: .counter, help: "Bytes by \"source\".\nAll of them.",
                samples: [.init(labels: [("source", "a\"b\\c\nd")], value: 1.5)]),
        ]
    }

    private func start(_ request: APIRequest, _ direction: TaskEntry.Direction, _ state: String, _ text: String)
        -> APIReply
    {
        calls.append(request)
        guard let path = request.givenText("taskfile"), path.hasPrefix("/data/") else {
            return .failure(SendFailureText.cannotOpen(request.givenText("taskfile") ?? ""))
        }
        let file = path.split(separator: "/").last.map(String.init) ?? ""
        entries[file] = TaskEntry(file: file, direction: direction, state: state, path: "/data/x/\(state)/\(file)")
        return .success(text)
    }
}
