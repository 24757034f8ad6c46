import Files
import Glibc
import Hashing
import Threads

/// A file to hash. The tag belongs to the caller.
package struct HashItem: Sendable {
    package let tag: Int
    package let path: AbsolutePath
    /// An event reported that the file was closed after writing, or moved to its place.
    package var isWhole = false
}

/// What the threads of one run share.
struct HashJob: Sendable {
    /// Number of files that a thread reads at the same time.
    let lanes: Int
    let blockBytes: Int
    let isGentle: Bool
    let isCautious: Bool
    let stop: StopFlag
    let progress: @Sendable (Int) -> Void
    /// Returns the next file. The argument tells whether the thread has nothing to do without it.
    let next: @Sendable (Bool) -> HashItem?
    let each: @Sendable (HashItem, Result<HashedFile, HashFailure>) -> Void
}

/// One hashing thread: up to four open files, whose next blocks are read and then hashed together.
struct FileHashWorker: ~Copyable {
    private struct Lane {
        let item: HashItem
        let descriptor: Int32
        let stamp: DeviceStamp
        var position: Int64 = 0
        /// Bytes in the block that was just read.
        var filled = 0
        var problem: HashFailure?
    }

    private let job: HashJob
    private let files = SystemFileLayer()
    // Allocated by `init`, used by this value alone, freed with it.
    private let memory: UnsafeMutableRawPointer
    private var streams: SHA1Streams
    private var lanes: [Lane?]
    private var hasMore = true

    init(_ job: HashJob) {
        self.job = job
        streams = SHA1Streams(laneCount: job.lanes)
        lanes = [Lane?](repeating: nil, count: job.lanes)
        memory = .allocate(byteCount: job.lanes * job.blockBytes, alignment: 4096)
    }

    deinit {
        for case let lane? in lanes { close(lane.descriptor) }
        memory.deallocate()
    }

    mutating func run() {
        while true {
            for index in lanes.indices where lanes[index] == nil { fill(index) }
            guard lanes.contains(where: { $0 != nil }) else { return }
            for index in lanes.indices { readBlock(index) }
            streams.update(
                lanes.indices.map { UnsafeRawBufferPointer(rebasing: buffer($0)[..<(lanes[$0]?.filled ?? 0)]) })
            for index in lanes.indices { finishIfDone(index) }
        }
    }

    private func buffer(_ index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: memory + index * job.blockBytes, count: job.blockBytes)
    }

    /// Opens the next file that can be opened, in the given lane.
    private mutating func fill(_ index: Int) {
        let isFirst = !lanes.contains { $0 != nil }
        while hasMore {
            guard let item = job.next(isFirst) else {
                // If a thread without work gets no file, there are no more. A thread with work may get one later.
                if isFirst { hasMore = false }
                return
            }
            if job.stop.isSet {
                job.each(item, .failure(.cancelled))
                continue
            }
            do throws(HashFailure) {
                lanes[index] = try open(item)
                return
            } catch {
                job.each(item, .failure(error))
            }
        }
    }

    private func open(_ item: HashItem) throws(HashFailure) -> Lane {
        let descriptor: Int32
        do { descriptor = try files.open(item.path.system) } catch { throw HashFailure(error) }
        do {
            let status = try files.status(descriptor)
            guard status.kind == .file else { throw HashFailure.notAFile }
            if job.isCautious { try beCautious(descriptor, status, isWhole: item.isWhole) }
            _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
            if job.isGentle { _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_NOREUSE) }
            return Lane(item: item, descriptor: descriptor, stamp: DeviceStamp(status))
        } catch {
            close(descriptor)
            throw (error as? HashFailure) ?? (error as? SystemError).map(HashFailure.init) ?? .changed
        }
    }

    private func beCautious(_ descriptor: Int32, _ status: FileStatus, isWhole: Bool) throws(HashFailure) {
        // A process that keeps a file open for so long without writing is unlikely to write soon. And where leases are
        // always refused, as on some network file systems, nothing would ever be hashed.
        let patience: Int64 = 60_000_000_000
        let age = Clocks.wall &- status.modified
        if (0..<patience).contains(age), Self.mayHaveWriter(descriptor, isWhole: isWhole) {
            throw .beingWritten
        }
        // File times are discrete: two writes within one step have the same time. File systems with whole seconds are
        // the coarsest.
        let step: Int64 = status.modified % 1_000_000_000 == 0 ? 2_000_000_000 : 20_000_000
        if (0..<step).contains(age) { usleep(UInt32(clamping: (step - age) / 1000)) }
    }

    /// If the kernel does not tell whether there is a writer, a file is complete when an event said so.
    private static func mayHaveWriter(_ descriptor: Int32, isWhole: Bool) -> Bool {
        SystemFileLayer().hasWriter(descriptor) ?? !isWhole
    }

    private mutating func readBlock(_ index: Int) {
        guard var lane = lanes[index] else { return }
        let wanted = Int(min(Int64(job.blockBytes), lane.stamp.size - lane.position))
        do throws(SystemError) {
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer(index)[..<wanted])
            lane.filled = try files.read(lane.descriptor, into: target, at: lane.position)
            if lane.filled < wanted { lane.problem = .changed }
        } catch {
            lane.filled = 0
            lane.problem = HashFailure(error)
        }
        if job.stop.isSet { lane.problem = .cancelled }
        lane.position += Int64(lane.filled)
        if lane.filled > 0 { job.progress(lane.filled) }
        lanes[index] = lane
    }

    private mutating func finishIfDone(_ index: Int) {
        guard let lane = lanes[index], lane.position == lane.stamp.size || lane.problem != nil else { return }
        lanes[index] = nil
        let digest = streams.finish(index)
        let after = try? files.status(lane.descriptor)
        close(lane.descriptor)
        let result: Result<HashedFile, HashFailure>
        if let problem = lane.problem {
            result = .failure(problem)
        } else if let digest, let after, DeviceStamp(after) == lane.stamp {
            result = .success(HashedFile(sha1: digest, stamp: lane.stamp))
        } else {
            result = .failure(.changed)
        }
        job.each(lane.item, result)
    }
}

extension HashFailure {
    init(_ error: SystemError) {
        switch error.number {
        case ENOENT, ENOTDIR, ESTALE: self = .vanished
        case ELOOP, EISDIR, ENXIO: self = .notAFile
        default: self = .unreadable(error)
        }
    }
}
