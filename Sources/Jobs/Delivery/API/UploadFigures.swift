import JSON

/// The status words of uploadprogress.
package enum UploadStatus: String, Sendable, Hashable, CaseIterable {
    case queues, uploading, uploaded, ready, finished, error, unknown
}

/// Everything that the reply to uploadprogress shows.
package struct UploadFigures: Sendable, Hashable {
    package var status: UploadStatus
    /// Full path of the task file now.
    package var taskPath: String
    package var error = ""
    package var isSeeding = false
    /// Bytes of the content that the bucket holds, and all of them; nil where it was not looked at.
    package var stored: Int64?
    package var totalBytes: Int64 = 0
    /// Whether the CDN answers; nil where it was not asked.
    package var cdnAnswers: Bool?

    package init(status: UploadStatus, taskPath: String) {
        self.status = status
        self.taskPath = taskPath
    }

    /// The figures of a task in the given state; `machine` while it is being sent or served.
    package init(state: SenderState, taskPath: String, machine: SendMachine?) {
        let status: UploadStatus =
            switch state {
            case .tmp: .unknown
            case .queues: .queues
            case .uploading: .uploading
            case .uploaded: machine?.isReady == true ? .ready : .uploaded
            case .history: .finished
            case .failed: .error
            }
        self.init(status: machine?.failure != nil ? .error : status, taskPath: taskPath)
        error = machine?.failure?.text ?? ""
        isSeeding = machine?.isSeeding ?? false
        stored = machine?.stored
        totalBytes = machine?.plan.totalSize ?? 0
        cdnAnswers = machine?.cdnAnswers
    }

    /// For a task that nobody knows: `return_status` is "false", and all is `unknown`.
    package static let unknown = UploadFigures(status: .unknown, taskPath: "")

    package var reply: APIReply { APIReply(succeeded: status != .unknown, content: content) }

    package var content: JSONObject {
        let isUnknown = status == .unknown
        return [
            "taskfile": .string(taskPath), "status": .string(status.rawValue), "desc": .string(error),
            "btstatus": isUnknown ? "unknown" : isSeeding ? "seeding" : "noseeding", "obsstatus": .string(storeText),
            "cdnstatus": isUnknown ? "unknown" : .string(cdnText),
        ]
    }

    /// `completed`, or `uncompleted 66%` by what the bucket holds: never 100 while a byte is missing.
    private var storeText: String {
        guard status != .unknown, let stored else { return "unknown" }
        if stored >= totalBytes { return "completed" }
        return "uncompleted \(Int64(clamping: Int128(max(0, stored)) * 100 / Int128(max(1, totalBytes))))%"
    }

    private var cdnText: String { cdnAnswers.map { $0 ? "available" : "unavailable" } ?? "unknown" }
}
