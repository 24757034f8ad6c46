import CLinux
import Glibc

/// The kernel's news of what changes in directories (inotify(7)).
package final class Inotify: Sendable {
    /// What happened, and where. The name is empty for the watched directory itself.
    package struct Event: Sendable {
        package let watch: Int32
        package let kinds: Kinds
        package let name: [UInt8]
    }

    package struct Kinds: OptionSet, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) { self.rawValue = rawValue }
        private init(_ mask: Int) { rawValue = UInt32(truncatingIfNeeded: mask) }

        /// A file that was open for writing was closed.
        package static let closed = Kinds(Int(swoop_in_closed))
        package static let created = Kinds(Int(swoop_in_created))
        package static let movedIn = Kinds(Int(swoop_in_moved_in))
        /// Removed or moved away.
        package static let gone = Kinds(Int(swoop_in_gone))
        /// The watched directory was removed or moved.
        package static let selfGone = Kinds(Int(swoop_in_self_gone))
        package static let unmounted = Kinds(Int(swoop_in_unmounted))
        /// The kernel's queue was full: events are missing.
        package static let overflow = Kinds(Int(swoop_in_overflow))
        /// The watch is no more.
        package static let ignored = Kinds(Int(swoop_in_ignored))
        /// What the event is about is a directory.
        package static let directory = Kinds(Int(swoop_in_directory))
    }

    /// To wait for with poll(2).
    package let descriptor: Descriptor

    /// Nil where the system has no more instances or descriptors.
    package init?() {
        descriptor = swoop_inotify_create()
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// Watches a directory; the answer names the watch in its events.
    /// - Throws: `ENOENT`, `ENOTDIR` or `ELOOP` when there is no such directory, `ENOSPC` when the system grants no more
    ///   watches.
    package func watch(_ directory: SystemPath, followSymlink: Bool) throws(SystemError) -> Int32 {
        // IN_DONT_FOLLOW.
        let mask = UInt32(truncatingIfNeeded: swoop_in_wanted) | (followSymlink ? 0 : 0x0200_0000)
        return try SystemCall.retrying { inotify_add_watch(descriptor, directory.terminated, mask) }
    }

    package func forget(_ watch: Int32) { _ = inotify_rm_watch(descriptor, watch) }

    /// The events that are there, without waiting for more.
    /// - Parameter buffer: for the kernel's answer, 4 KiB or more.
    package func events(_ buffer: inout [CChar]) -> [Event] {
        let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return [] }
        return buffer.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return [] }
            var events: [Event] = []
            var event = swoop_inotify_event()
            var offset = 0
            while true {
                let next = swoop_inotify_next(base, count, offset, &event)
                guard next > 0 else { return events }
                let name = event.name.map { UnsafeBufferPointer(start: $0, count: event.length) }
                events.append(
                    Event(
                        watch: event.watch, kinds: Kinds(rawValue: event.mask),
                        name: name.map { $0.map { UInt8(bitPattern: $0) } } ?? []))
                offset = next
            }
        }
    }
}
