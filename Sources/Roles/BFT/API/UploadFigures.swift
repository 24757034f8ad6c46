import JSON
import Policy

/// The status words of uploadprogress.
package enum UploadStatus: String, Sendable, Hashable, CaseIterable {
    case queues, uploading, uploaded, ready, finished, error, unknown
}

/// The values of an uploadprogress reply.
package struct UploadFigures: Sendable, Hashable {
    package var status: UploadStatus
    /// Current path of the task file.
    package var taskPath: String
    package var error = ""
    package var isSeeding = false
    /// Bytes of the content in the bucket, and total bytes; nil if the bucket was not checked.
    package var stored: Int64?
    package var totalBytes: Int64 = 0
    /// Whether the CDN responds; nil if it was not checked.
    package var cdnAnswers: Bool?

    package init(status: UploadStatus, taskPath: String) {
        self.status = status
        self.taskPath = taskPath
    }

    /// The values for a task in the given state. `machine` is set while it is being sent or served.
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

    /// For an unknown task: `return_status` is "false", and all values are `unknown`.
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

    /// `completed` or `uncompleted 66%`, from the bytes in the bucket: never 100 while a byte is missing.
    private var storeText: String {
        guard status != .unknown, let stored else { return "unknown" }
        if stored >= totalBytes { return "completed" }
        return "uncompleted \(Int64(clamping: Int128(max(0, stored)) * 100 / Int128(max(1, totalBytes))))%"
    }

    private var cdnText: String { cdnAnswers.map { $0 ? "available" : "unavailable" } ?? "unknown" }
}
