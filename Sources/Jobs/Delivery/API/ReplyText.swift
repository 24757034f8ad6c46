/// The words of the API, to the byte: deployed clients compare them. Failures of the seed are without its trailing
/// blanks; paths are given as they are.
public enum ReplyText {
    // MARK: Tasks that are sent

    /// gentask began.
    /// - Parameter tmpTorrent: nil where the policy has no torrent of a share.
    public static func waitForTask(torrent: String, tmpTorrent: String?, taskFile: String) -> String {
        let torrents = tmpTorrent.map { "\(torrent), \($0)" } ?? torrent
        return "please wait until \(torrents) and \(taskFile) all are finished."
    }

    /// gentask and send: done.
    public static let succeeded = "succeeded!"
    public static let restartedSameName = "restarted same name bt process, succeed!"

    /// sends, while the torrent is being made.
    public static func succeedAfterTorrent(_ torrent: String) -> String {
        "succeed, but the torrent is generating, please wait until \(torrent) is finished."
    }

    // MARK: Tasks that are received

    public static let succeed = "succeed!"
    public static func reactivatedCacher(taskFileName: String) -> String {
        "reactive cacher bt seeding with taskfile:\(taskFileName)"
    }
    public static let downloadedAgain = "same name task downloaded, to download again."
    public static let allLocal = "all localsamefiles existed copy and finished, succeed!"
    public static let downloadedAndAllLocal =
        "same name task downloaded, all localsamefiles existed copy and finished, succeed!"

    // MARK: Other calls

    public static func nothingToCancel(taskFileName: String) -> String {
        "no need to cancel, not found task: \(taskFileName)"
    }
    public static let reloaded = "reload config.json ok."
    /// - Parameter time: `YYYY-MM-DD HH:MM:SS` local time.
    public static func living(time: String) -> String { "\(time) is living." }
    public static func cacherSeeding(directory: String) -> String { "btseeding dir:\(directory)" }
}

/// Failures of gentask and taskfilesquery.
public enum GenerationFailureText {
    public static let noTaskFile = "error, please provide taskfile path."
    public static func noContent(_ path: String) -> String { "error, not exist dcp path: \(path)." }
    public static func sameTorrent(_ torrent: String) -> String { "same torrent process is generating:\(torrent)" }

    /// taskfilesquery: `status` is `unfinished`.
    public static let makingSeed = "process making seed"
    public static let notMade = "no make seed process and not found task.json."
    public static func waitForBoth(contentPath: String, taskFile: String) -> String {
        "please wait until \(contentPath).torrent and \(taskFile) all are finished."
    }
    /// taskfilesquery: `status` is `error`.
    public static func queriedContentMissing(_ path: String) -> String { "not exist \(path)" }
    public static func queriedTaskUnreadable(_ path: String) -> String { "open json file error: \(path)" }
}

/// The nine failures of send, and the two that sends adds.
public enum SendFailureText {
    public static func cannotOpen(_ path: String) -> String { RecvFailureText.cannotOpen(path) }
    public static func invalidFormat(_ path: String) -> String { RecvFailureText.invalidFormat(path) }
    public static func cannotCopy(_ path: String) -> String { "copy taskfile: \(path) error." }
    public static func sameInQueues(_ path: String) -> String { "same taskfile in queues:\(path)" }
    public static func sameInUploading(_ path: String) -> String { "same taskfile in uploading:\(path)" }
    public static func noTorrent(_ path: String) -> String {
        "not found torrent:\(path) pls re generate task and torrent."
    }
    /// - Parameters:
    ///   - torrent: file name of the torrent.
    ///   - taskFileName: file name of the task.
    public static func restartFailed(torrent: String, taskFileName: String) -> String {
        "restart bt serving failed: \(torrent) in \(taskFileName)"
    }
    public static func sameNameSeeding(torrent: String, taskFileName: String) -> String {
        "exisited same name ct torrent bt process, send task failed: \(torrent) in \(taskFileName)"
    }
    public static let reactiveInvalid = "reactive parameter input error"

    /// sends: the same, in its words.
    public static func sendsSameInQueues(_ path: String) -> String { "same task in queues:\(path)" }
    public static func sendsSameInUploading(_ path: String) -> String { "same task in uploading:\(path)" }
}

/// The fourteen failures of recv.
public enum RecvFailureText {
    /// Also for every path outside the roots that task files may lie in, whether there is a file or not.
    public static func cannotOpen(_ path: String) -> String {
        "open json file error:open \(path): no such file or directory"
    }
    public static func invalidFormat(_ path: String) -> String { "invalid json format:\(path)" }
    public static func filesAreEmpty(_ path: String) -> String { "total files size equal 0 :\(path)" }
    public static func sameInQueues(_ path: String) -> String { "same taskfile in queues:\(path)" }
    public static func sameInDownloading(_ path: String) -> String { "same taskfile in downloading:\(path)" }
    public static func sameInDownloaded(_ path: String) -> String { "same taskfile in downloaded:\(path)" }
    /// - Parameter directory: `DATA/receiver/tmp`.
    /// The seed has no word for a destination that cannot be written.
    public static func cannotStore(_ reason: String) -> String { "content cannot be stored: \(reason)" }
    public static func cannotMove(to directory: String) -> String { "move json file to \(directory) erro" }
    public static func remainingListsDiffer(_ path: String) -> String {
        "totalsize != all lists2 sum + localsamesize : \(path)"
    }
    public static func listsDiffer(_ path: String) -> String { "totalsize != all lists sum : \(path)" }
    public static let sizeIsZero = "total files size equal 0"
    public static func noTorrent(url: String) -> String {
        "could not download torrent from \(ShownURL.text(url))"
    }
    public static let noTmpURL = "need tmptorrent and found bt.tmpurl is empty."
    public static func noTmpTorrent(url: String) -> String {
        "could not download tmptorrent from \(ShownURL.text(url))"
    }
    /// The stale-CDN case.
    public static func torrentDiffers(url: String) -> String {
        "taskfile btlist is not equal torrent content, check taskfile or tmp torrent: \(ShownURL.text(url))"
    }

    /// The text for what `TaskFile.imbalance` found.
    public static func text(_ imbalance: TaskFileImbalance, path: String) -> String {
        switch imbalance {
        case .filesAreEmpty: filesAreEmpty(path)
        case .sizeIsZero: sizeIsZero
        case .lists: listsDiffer(path)
        case .remainingLists: remainingListsDiffer(path)
        }
    }
}

/// Failures of progress and cprogress.
public enum ProgressFailureText {
    public static let unknownTask = "unknown task, not found task."
    public static func cannotOpen(_ path: String) -> String {
        "open dir error:open \(path) : no such file or directory"
    }
    public static let useCProgress = "do not support cacher type progress, change method_name to cprogress"
    public static let inQueues = "task in queues, no progress now."
}
