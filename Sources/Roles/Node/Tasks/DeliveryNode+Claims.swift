import Delivery

// Two tasks of one SUBDIR/NAME: the second waits for nothing, it is refused.
extension DeliveryNode {
    /// The places that no other task may use while this one is received.
    func places(of task: TaskFile) -> Set<String> {
        [context.places.incoming(task), context.places.work(task)]
    }

    /// Claims a task's staging directory for it.
    /// - Returns: another task of the same content that was delivered before and serves. It has to give way, as one of
    ///   the same name does.
    /// - Throws: recv's text for a task that is there, when another has the place.
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

    /// A claim that led to nothing is given back, unless an earlier delivery of that name still has the place.
    func giveBackClaim(of name: String) {
        let states: [TaskState] = [.queues, .downloading, .downloaded]
        if context.directories.locate(.receiver, name, in: states) == nil { receiveClaims.release(name) }
    }

    /// Whether another task than `name` may be using a task's staging directory.
    func isPlaceShared(of task: TaskFile, besides name: String) -> Bool {
        guard let other = receiveClaims.holder(of: places(of: task), besides: name) else { return false }
        let states: [TaskState] = [.queues, .downloading, .downloaded]
        return preparing.contains(other) || context.directories.locate(.receiver, other, in: states) != nil
    }

    /// Another task of one content that is sent: in the queue or being uploaded, or served already.
    enum OtherSend {
        case waiting(path: String)
        case uploading(path: String)
        case uploaded(String)
    }

    private static func sendKey(_ subdirectory: TaskSubdirectory, _ name: String) -> Set<String> {
        ["\(subdirectory.text)/\(name)"]
    }

    /// Who sends a content now under another name of task file; nil when nobody does.
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

    /// - Returns: who has the content already.
    func claimSend(_ task: TaskFile, by name: String) -> String? {
        guard otherSend(of: task.subdirectory, task.name, besides: name) != nil else {
            return sendClaims.claim(Self.sendKey(task.subdirectory, task.name), by: name)
        }
        return sendClaims.holder(of: Self.sendKey(task.subdirectory, task.name), besides: name)
    }
}
