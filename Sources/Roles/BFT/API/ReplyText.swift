/// The texts of the API, byte for byte, because deployed clients compare them. BFT's failure texts are without its
/// trailing blanks; paths are inserted unchanged.
package enum ReplyText {
    // MARK: Tasks that are sent

    /// gentask has begun.
    /// - Parameter tmpTorrent: nil if the policy needs no torrent of a share.
    package static func waitForTask(torrent: String, tmpTorrent: String?, taskFile: String) -> String {
        let torrents = tmpTorrent.map { "\(torrent), \($0)" } ?? torrent
        return "please wait until \(torrents) and \(taskFile) all are finished."
    }

    /// gentask and send have finished.
    package static let succeeded = "succeeded!"
    package static let restartedSameName = "restarted same name bt process, succeed!"

    /// sends, while the torrent is being made.
    package static func succeedAfterTorrent(_ torrent: String) -> String {
        "succeed, but the torrent is generating, please wait until \(torrent) is finished."
    }

    // MARK: Tasks that are received

    package static let succeed = "succeed!"
    package static func reactivatedCacher(taskFileName: String) -> String {
        "reactive cacher bt seeding with taskfile:\(taskFileName)"
    }
    package static let downloadedAgain = "same name task downloaded, to download again."
    package static let allLocal = "all localsamefiles existed copy and finished, succeed!"
    package static let downloadedAndAllLocal =
        "same name task downloaded, all localsamefiles existed copy and finished, succeed!"

    // MARK: Other calls

    package static func nothingToCancel(taskFileName: String) -> String {
        "no need to cancel, not found task: \(taskFileName)"
    }
    package static let reloaded = "reload config.json ok."
    /// - Parameter time: `YYYY-MM-DD HH:MM:SS` local time.
    package static func living(time: String) -> String { "\(time) is living." }
    package static func cacherSeeding(directory: String) -> String { "btseeding dir:\(directory)" }
}

/// Failures of gentask and taskfilesquery.
package enum GenerationFailureText {
    package static let noTaskFile = "error, please provide taskfile path."
    package static func noContent(_ path: String) -> String { "error, not exist dcp path: \(path)." }
    package static func sameTorrent(_ torrent: String) -> String { "same torrent process is generating:\(torrent)" }

    /// For taskfilesquery with `status` `unfinished`.
    package static let makingSeed = "process making seed"
    package static let notMade = "no make seed process and not found task.json."
    package static func waitForBoth(contentPath: String, taskFile: String) -> String {
        "please wait until \(contentPath).torrent and \(taskFile) all are finished."
    }
    /// For taskfilesquery with `status` `error`.
    package static func queriedContentMissing(_ path: String) -> String { "not exist \(path)" }
    package static func queriedTaskUnreadable(_ path: String) -> String { "open json file error: \(path)" }
}

/// The nine failures of send, and the two additional ones of sends.
package enum SendFailureText {
    package static func cannotOpen(_ path: String) -> String { RecvFailureText.cannotOpen(path) }
    package static func invalidFormat(_ path: String) -> String { RecvFailureText.invalidFormat(path) }
    package static func cannotCopy(_ path: String) -> String { "copy taskfile: \(path) error." }
    package static func sameInQueues(_ path: String) -> String { "same taskfile in queues:\(path)" }
    package static func sameInUploading(_ path: String) -> String { "same taskfile in uploading:\(path)" }
    package static func noTorrent(_ path: String) -> String {
        "not found torrent:\(path) pls re generate task and torrent."
    }
    /// - Parameters:
    ///   - torrent: file name of the torrent.
    ///   - taskFileName: file name of the task.
    package static func restartFailed(torrent: String, taskFileName: String) -> String {
        "restart bt serving failed: \(torrent) in \(taskFileName)"
    }
    package static func sameNameSeeding(torrent: String, taskFileName: String) -> String {
        "exisited same name ct torrent bt process, send task failed: \(torrent) in \(taskFileName)"
    }
    package static let reactiveInvalid = "reactive parameter input error"

    /// The same failure in the words of sends.
    package static func sendsSameInQueues(_ path: String) -> String { "same task in queues:\(path)" }
    package static func sendsSameInUploading(_ path: String) -> String { "same task in uploading:\(path)" }
}

/// The fourteen failures of recv.
package enum RecvFailureText {
    /// Also for every path outside the allowed directories, whether or not the file exists.
    package static func cannotOpen(_ path: String) -> String {
        "open json file error:open \(path): no such file or directory"
    }
    package static func invalidFormat(_ path: String) -> String { "invalid json format:\(path)" }
    package static func filesAreEmpty(_ path: String) -> String { "total files size equal 0 :\(path)" }
    package static func sameInQueues(_ path: String) -> String { "same taskfile in queues:\(path)" }
    package static func sameInDownloading(_ path: String) -> String { "same taskfile in downloading:\(path)" }
    package static func sameInDownloaded(_ path: String) -> String { "same taskfile in downloaded:\(path)" }
    /// - Parameter directory: `DATA/receiver/tmp`. BFT has no text for a destination that cannot be written.
    package static func cannotStore(_ reason: String) -> String { "content cannot be stored: \(reason)" }
    package static func cannotMove(to directory: String) -> String { "move json file to \(directory) erro" }
    package static func remainingListsDiffer(_ path: String) -> String {
        "totalsize != all lists2 sum + localsamesize : \(path)"
    }
    package static func listsDiffer(_ path: String) -> String { "totalsize != all lists sum : \(path)" }
    package static let sizeIsZero = "total files size equal 0"
    package static func noTorrent(url: String) -> String {
        "could not download torrent from \(ShownURL.text(url))"
    }
    package static let noTmpURL = "need tmptorrent and found bt.tmpurl is empty."
    package static func noTmpTorrent(url: String) -> String {
        "could not download tmptorrent from \(ShownURL.text(url))"
    }
    /// The torrent from the CDN is out of date.
    package static func torrentDiffers(url: String) -> String {
        "taskfile btlist is not equal torrent content, check taskfile or tmp torrent: \(ShownURL.text(url))"
    }

    /// The text for the result of `TaskFile.imbalance`.
    package static func text(_ imbalance: TaskFileImbalance, path: String) -> String {
        switch imbalance {
        case .filesAreEmpty: filesAreEmpty(path)
        case .sizeIsZero: sizeIsZero
        case .lists: listsDiffer(path)
        case .remainingLists: remainingListsDiffer(path)
        }
    }
}

/// Failures of progress and cprogress.
package enum ProgressFailureText {
    package static let unknownTask = "unknown task, not found task."
    package static func cannotOpen(_ path: String) -> String {
        "open dir error:open \(path) : no such file or directory"
    }
    package static let useCProgress = "do not support cacher type progress, change method_name to cprogress"
    package static let inQueues = "task in queues, no progress now."
}
