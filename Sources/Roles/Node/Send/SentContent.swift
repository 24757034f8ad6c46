import BFT

// Where the content of a task that is sent lies, and its torrents.
extension NodePaths {
    /// The path of a task's content on this node. The path in the task is untrusted: it is used only if it is below
    /// BASE and belongs to this content.
    func content(of task: TaskFile) -> String {
        let local = task.bt.localTorrent
        guard local.hasSuffix("/\(task.name).torrent"), belowBase(local) != nil else {
            return stored(task.subdirectory, task.name) ?? "\(base)/\(task.name)"
        }
        return String(local.dropLast(".torrent".count))
    }

    /// The torrent that receivers of this task use.
    func servedTorrent(of task: TaskFile) -> String {
        task.needsTmpTorrent
            ? tmpTorrent(task.subdirectory, task.name) : torrent(ofContent: content(of: task))
    }
}
