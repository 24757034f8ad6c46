import BFT

// Two tasks with the same SUBDIR/NAME: the second is refused at once.
extension DeliveryNode {
    /// The paths that no other task may use while this one is received.
    func places(of task: TaskFile) -> Set<String> {
        [context.places.incoming(task), context.places.work(task)]
    }

    /// Claims a task's staging directory.
    /// - Returns: another task of the same content that was delivered before and is seeding. It must end, as must one
    ///   of the same name.
    /// - Throws: recv's text for an existing task, if another task uses the path.
    func claim(_ task: TaskFile, by name: String) throws(RecvRefusal) -> String? {
        let wanted = places(of: task)
        let directories = context.directories
        var superseded: String?
        while let other = receiveClaims.claim(wanted, by: name) {
            if directories.contains(.receiver, .downloading, other) {
                throw RecvRefusal(
                    RecvFailureText.sameInDownloading(directories.path(.receiver, .downloading, other)))
            }
            if preparing.contains(other) || directories.contains(.receiver, .queues, other) {
                throw RecvRefusal(RecvFailureText.sameInQueues(directories.path(.receiver, .queues, other)))
            }
            if directories.contains(.receiver, .downloaded, other) { superseded = other }
            receiveClaims.release(other)
        }
        return superseded
    }

    /// Releases a claim that was not used, unless an earlier delivery of that name still uses the path.
    func giveBackClaim(of name: String) {
        let states: [TaskState] = [.queues, .downloading, .downloaded]
        if context.directories.locate(.receiver, name, in: states) == nil { receiveClaims.release(name) }
    }

    /// Whether another task than `name` may be using the task's staging directory.
    func isPlaceShared(of task: TaskFile, besides name: String) -> Bool {
        guard let other = receiveClaims.holder(of: places(of: task), besides: name) else { return false }
        let states: [TaskState] = [.queues, .downloading, .downloaded]
        return preparing.contains(other) || context.directories.locate(.receiver, other, in: states) != nil
    }

    /// The state of another task that sends the same content: in the queue or uploading, or already seeding.
    enum OtherSend {
        case waiting(path: String)
        case uploading(path: String)
        case uploaded(String)
    }

    private static func sendKey(_ subdirectory: TaskSubdirectory, _ name: String) -> Set<String> {
        ["\(subdirectory.text)/\(name)"]
    }

    /// The task that sends the content under another task file name; nil if there is none.
    func otherSend(of subdirectory: TaskSubdirectory, _ content: String, besides name: String) -> OtherSend? {
        let directories = context.directories
        while let other = sendClaims.holder(of: Self.sendKey(subdirectory, content), besides: name) {
            if directories.contains(.sender, .uploading, other) {
                return .uploading(path: directories.path(.sender, .uploading, other))
            }
            if preparing.contains(other) || directories.contains(.sender, .queues, other) {
                return .waiting(path: directories.path(.sender, .queues, other))
            }
            if directories.contains(.sender, .uploaded, other) { return .uploaded(other) }
            sendClaims.release(other)
        }
        return nil
    }

    /// - Returns: the task that uses the content already.
    func claimSend(_ task: TaskFile, by name: String) -> String? {
        guard otherSend(of: task.subdirectory, task.name, besides: name) != nil else {
            return sendClaims.claim(Self.sendKey(task.subdirectory, task.name), by: name)
        }
        return sendClaims.holder(of: Self.sendKey(task.subdirectory, task.name), besides: name)
    }
}
