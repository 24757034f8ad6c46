extension JobMachine {
    /// What a node says, or what control finds out about it.
    package enum Report: Sendable, Hashable {
        case away
        case back
        case drained
        case accepted
        case waiting(TargetState.WaitReason)
        case receiving
        case delivered
        case switched
        case hookStarted
        case done
        /// - Parameter again: another attempt could succeed.
        case failed(code: String, again: Bool)
        case refused(key: String)
        case hookUnknown
        case superseded
        case cancelled
    }

    /// An order to one node.
    package enum Order: Sendable, Hashable {
        case offer(NodeID, attempt: Int)
        case switches(NodeID, at: Double?)
        case cancel(NodeID)
        case pause(NodeID)
        case resume(NodeID)
    }
}
