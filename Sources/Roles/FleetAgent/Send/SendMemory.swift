import Fleet
import JSON
import Jobs
import Threads

// What is left of sends that have ended.
extension FleetAgent {
    /// Seconds for which the record of an ended send is kept: its job may begin again.
    private static let sendMemory = 30 * 86_400.0
    private static let sweepEvery = 6 * 3600.0

    /// Lets go of sends that have ended, and from time to time removes old records.
    func forgetSends() async {
        senders = senders.filter { $0.value.progress.phase != .over }
        let now = context.clock.now
        guard sendsSwept.map({ now.uptime - $0 >= Self.sweepEvery }) ?? true else { return }
        sendsSwept = now.uptime
        let (places, running) = (context.places, Set(senders.keys))
        let before = Int64((now.wall.seconds - Self.sendMemory) * 1e9)
        await Threads.offload {
            let tree = OwnTree(path: places.sends)
            for name in PathFiles.names(in: tree.path) where TargetRecord.isName(name) && !running.contains(name) {
                let path = "\(tree.path)/\(name)/send.json"
                guard let status = PathFiles.status(path), status.modified < before,
                    let bytes = try? PathFiles.read(path, limit: 64 << 20), let json = try? JSONValue.parse(bytes),
                    let record = try? SendRecord(json: json), record.isOver
                else { continue }
                tree.remove("\(tree.path)/\(name)")
            }
        }
    }
}
