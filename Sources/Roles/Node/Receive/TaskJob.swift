import BFT
import HTTPOrigin
import Hashing
import Jobs
import Metainfo
import ObjectStore
import Policy

// A task file as a job.
extension Job {
    /// - Parameter name: of the task file.
    init(_ task: TaskFile, name: String, torrents: TaskTorrents, context: NodeContext) {
        var plan = DeliveryPlan(task: task, configuration: context.configuration)
        plan.settings = context.tunables.delivery
        plan.settings.sourceTimeout = Double(context.configuration.sourceTimeout)
        let map = { (torrent: Torrent) in JobTorrent(torrent, indices: TaskTorrents.map(torrent, task)) }
        self.init(
            name: name,
            files: task.fileList.map { JobFile(path: $0.file, size: $0.size, digest: SHA1Digest(hex: $0.hash)) },
            isSingleFile: task.type == .file,
            torrents: JobTorrents(served: torrents.served.map(map), full: torrents.full.map(map)), plan: plan,
            places: context.places.job(task), sources: JobSources(task, context),
            rateLimits: context.configuration.rateLimits)
    }
}

extension JobSources {
    init(_ task: TaskFile, _ context: NodeContext) {
        self.init { method, layout in
            switch method {
            case .bt: return nil
            case .obs:
                do throws(TaskProblem) {
                    let (store, prefix) = try context.store(of: task)
                    return .success(ObjectSource(store: store, prefix: prefix, layout: layout))
                } catch {
                    return .failure(.unusable(error.description))
                }
            case .cdn:
                guard let seed = WebSeed(contentURL: task.cdn.url, layout: layout, client: context.webSeeds) else {
                    return .failure(.unusable("cdn.url is no http or https URL"))
                }
                return .success(seed)
            }
        }
    }
}

extension JobRecord {
    /// What a task file says of its job.
    init(_ task: TaskFile, _ calendar: any WallClock) {
        let local = Set(task.localSameFiles)
        self.init(
            began: calendar.instant(of: task.receiveTime), completed: calendar.instant(of: task.finishedTime),
            local: Set(task.fileList.indices.filter { local.contains(task.fileList[$0].path) }))
    }
}

extension TaskFile {
    /// Takes over what is written down of its job.
    mutating func set(_ record: JobRecord, _ calendar: any WallClock) {
        // A time that is there stays as it was written: it may have been written elsewhere.
        if record.began != calendar.instant(of: receiveTime) { receiveTime = record.began.map(calendar.text) ?? "" }
        if record.completed != calendar.instant(of: finishedTime) {
            finishedTime = record.completed.map(calendar.text) ?? ""
        }
        setLocalSameFiles(record.local)
    }
}
