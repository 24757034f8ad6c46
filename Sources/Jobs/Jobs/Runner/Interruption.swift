import Synchronization

/// Asks long work on another thread to end early. It cannot be taken back.
package final class Interruption: Sendable {
    private let flag = Atomic(false)

    package init() {}

    package var isSet: Bool { flag.load(ordering: .acquiring) }
    package func set() { flag.store(true, ordering: .releasing) }
}
