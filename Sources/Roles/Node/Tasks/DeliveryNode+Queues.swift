import BFT
import Threads

// Tasks that wait.
extension DeliveryNode {
    /// Scans both queues for files from the API, files that were put there, and files that were removed.
    func lookAtQueues() async {
        let directories = context.directories
        let (sends, receives) = await Threads.offload {
            (directories.list(.sender, .queues), directories.list(.receiver, .queues))
        }
        if isStopped { return }
        for name in sendQueue.waiting where !sends.contains(name) { startSenders(sendQueue.remove(name)) }
        for name in sends where !preparing.contains(name) { startSenders(sendQueue.add(name)) }
        for name in receiveQueue.waiting where !receives.contains(name) {
            prepared[name] = nil
            startReceivers(receiveQueue.remove(name))
        }
        for name in receives where !preparing.contains(name) && !receiveQueue.waiting.contains(name) {
            // A running task of the same name keeps its place until it ends; the new one waits.
            if receiveQueue.running.contains(name) { continue }
            if prepared[name] != nil {
                startReceivers(receiveQueue.add(name))
            } else {
                preparing.insert(name)
                Task { await self.takeUp(name) }
            }
        }
    }

    /// Whether a task is in the queue or about to enter it. A task that is being started is busy too, but has left the
    /// queue.
    package func isWaiting(_ name: String, _ side: TaskSide) -> Bool {
        let directories = context.directories
        if directories.contains(side, .queues, name) { return true }
        return preparing.contains(name)
            && !directories.contains(side, side == .sender ? .uploading : .downloading, name)
    }
}
