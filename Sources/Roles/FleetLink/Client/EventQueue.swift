import Files
import Fleet
import Synchronization
import Threads

/// The events of a host that control has not acknowledged yet. They are durable on this host until control has stored
/// them durably.
package final class EventQueue: Sendable {
    private struct Disk {
        /// Nil for a simulated host, whose events are kept in memory only.
        var file: EventFile?
        /// Bytes of events in the file that control has acknowledged.
        var done = 0
    }

    /// The file is rewritten when more bytes of it than this are acknowledged, or when all events are.
    private static let slack = 1 << 20

    /// Locked only briefly, never during I/O.
    private let pending: Mutex<PendingEvents>
    /// Locked during I/O, on threads that may block. Every change of `pending` holds this lock.
    private let disk: Mutex<Disk>
    /// Whether the events are in a file, so that calls block.
    private let isDurable: Bool

    private init(_ pending: PendingEvents, file: EventFile?) {
        self.pending = Mutex(pending)
        disk = Mutex(Disk(file: file))
        isDurable = file != nil
    }

    /// Opens the queue in a directory.
    package static func open(_ memory: LinkMemory) async throws(LinkProblem) -> EventQueue {
        guard case .directory(let path) = memory else { return EventQueue(PendingEvents(), file: nil) }
        do {
            return try await Threads.offload { () throws(SystemError) in
                let (file, content) = try EventFile.open(path)
                var pending = PendingEvents(next: content.next)
                for (event, size) in content.events { pending.restore(event, size: size) }
                return EventQueue(pending, file: file)
            }
        } catch {
            throw .local("the events in \(path) cannot be read: \(error)")
        }
    }

    /// Adds an event. Returns when it is durable on this host.
    /// - Parameter make: makes the event with the number that it gets.
    /// - Returns: the event's number.
    package func append(_ make: @escaping @Sendable (UInt64) -> AgentEvent) async throws(LinkProblem) -> UInt64 {
        try await onDisk { [self] disk throws(LinkProblem) in
            // No other event gets this number: the lock of the disk is held.
            let event = make(pending.withLock(\.next))
            let bytes = event.bytes
            guard pending.withLock({ $0.hasRoom(for: bytes.count) }) else { throw .tooManyEvents }
            do throws(SystemError) { try disk.file?.append([bytes]) } catch {
                throw .local("an event cannot be written: \(error)")
            }
            pending.withLock { _ = $0.append(event, size: bytes.count) }
            return event.number
        }
    }

    /// Call when control has stored all events up to this number durably.
    package func acknowledge(upTo number: UInt64) async {
        let isNews = pending.withLock { $0.oldest.map { $0 <= number } ?? false }
        guard isNews else { return }
        try? await onDisk { [self] disk throws(LinkProblem) in
            let (freed, left, next) = pending.withLock { pending in
                let before = pending.bytes
                pending.acknowledge(upTo: number)
                return (before - pending.bytes, pending.all, pending.next)
            }
            disk.done += freed
            guard disk.done > Self.slack || left.isEmpty else { return }
            // If this fails, acknowledged events are sent again after a restart. Control ignores them.
            guard let new = try? disk.file?.replaced(next: next, left) else { return }
            (disk.file, disk.done) = (new, 0)
        }
    }

    /// Numbers the pending events from 1 again, for a new key.
    package func renumber() async throws(LinkProblem) {
        try await onDisk { [self] disk throws(LinkProblem) in
            var new = PendingEvents()
            for event in pending.withLock(\.all) {
                let event = AgentEvent(
                    number: new.next, job: event.job, attempt: event.attempt, time: event.time,
                    report: event.report, detail: event.detail, receipt: event.receipt, sources: event.sources)
                _ = new.append(event, size: event.bytes.count)
            }
            do throws(SystemError) {
                if let file = disk.file { disk.file = try file.replaced(next: new.next, new.all) }
            } catch {
                throw .local("the events cannot be written: \(error)")
            }
            disk.done = 0
            pending.withLock { [new] in $0 = new }
        }
    }

    private func onDisk<Result: Sendable>(
        _ body: @escaping @Sendable (inout Disk) throws(LinkProblem) -> Result
    ) async throws(LinkProblem) -> Result {
        let work: @Sendable () throws(LinkProblem) -> Result = { [self] () throws(LinkProblem) in
            try disk.withLock { disk throws(LinkProblem) in try body(&disk) }
        }
        return try isDurable ? await Threads.offload(work) : work()
    }

    /// The events for the next request.
    package func batch() -> [AgentEvent] { pending.withLock { $0.batch() } }

    /// Number of the newest event; 0 if there has been none.
    var newest: UInt64 { pending.withLock { $0.next - 1 } }
    package var count: Int { pending.withLock(\.count) }
}
