import Jobs
import Threads

// Disk space for jobs that want to receive.
extension FleetAgent {
    /// The jobs for which there is too little space on their disks, in addition to the reserve and to what other jobs
    /// are about to use.
    func lackSpace(_ jobs: [String], _ records: [String: TargetRecord]) async -> [String: KeptContent.Lack] {
        var wanted: [(job: String, root: String, bytes: Int64)] = []
        for job in jobs {
            guard let record = records[job], let runner = targets[job] else { continue }
            var done = runner.board.now.done
            // Nothing is known yet of a job that an earlier run of the agent has begun.
            if done == 0 {
                let place = TargetPlaces.incoming(of: job, below: record.root)
                let known = usedBefore[job]
                done = if let known { known } else { await Threads.offload { DiskSpace.used(by: place) } }
                usedBefore[job] = done
            } else {
                usedBefore[job] = nil
            }
            wanted.append((job, record.root, max(0, record.offer.content.bytes - done)))
        }
        guard !wanted.isEmpty else { return [:] }
        let list = wanted
        // The size limit of the cache also counts content that it already holds.
        let cached = records.values.filter { $0.life.isCache && !$0.life.isOver && !jobs.contains($0.job) }
            .reduce(Int64(0)) { $0.addingOrMost($1.offer.content.bytes) }
        let (reserve, cache) = (context.policy.configuration.receive.reserve, context.policy.configuration.cache)
        let freeSpace = context.settings.freeSpace
        return await Threads.offload {
            // Several roots may lie on one disk.
            var free: [UInt64: Int64] = [:]
            var left = cache?.size.map { $0.subtractingOrMost(cached) }
            var lacking: [String: KeptContent.Lack] = [:]
            for (job, root, bytes) in list {
                let isCache = root == cache?.directory
                if isCache, let left, bytes > left {
                    lacking[job] = KeptContent.Lack(device: nil, bytes: bytes)
                    continue
                }
                let device = PathFiles.device(of: root)
                let known = device.flatMap { free[$0] }
                guard let space = known ?? freeSpace(root).map({ $0.subtractingOrMost(reserve) }) else { continue }
                let isEnough = bytes <= space
                if let device { free[device] = isEnough ? space - bytes : space }
                if isEnough {
                    if isCache { left = left.map { $0 - bytes } }
                } else {
                    lacking[job] = KeptContent.Lack(device: device, bytes: bytes.subtractingOrMost(space))
                }
            }
            return lacking
        }
    }
}

extension Int64 {
    fileprivate func addingOrMost(_ other: Int64) -> Int64 {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }

    fileprivate func subtractingOrMost(_ other: Int64) -> Int64 {
        let (rest, isOutside) = subtractingReportingOverflow(other)
        return isOutside ? (other < 0 ? .max : .min) : rest
    }
}
