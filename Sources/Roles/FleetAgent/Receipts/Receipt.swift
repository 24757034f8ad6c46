import Fleet
import JSON

/// A receipt: a node's signed statement about one attempt at a job.
package struct Receipt: Sendable {
    /// - Parameters:
    ///   - path: the path of the published content.
    ///   - ahead: seconds by which this host's clock is ahead of control's.
    package static func payload(
        of record: TargetRecord, node: NodeID, path: String?, ahead: Double, efficiency: Double?
    ) -> JSONValue {
        var object = JSONObject([
            "job": .string(record.job), "class": .string(record.offer.className),
            "version": .integer(record.offer.classVersion), "node": .string(node.description),
            "attempt": .integer(record.life.attempt),
        ])
        switch record.life.outcome {
        case .done?: object["outcome"] = "done"
        case .failed(let code, _)?:
            object["outcome"] = "failed"
            object["code"] = .string(code)
        case .refused(let key)?:
            object["outcome"] = "refused"
            object["code"] = .string(key)
        case .hookUnknown?: object["outcome"] = "hook_unknown"
        case .cancelled?: object["outcome"] = "cancelled"
        case nil: object["outcome"] = .string(record.life.stage.rawValue)
        }
        object["info_hashes"] = .array(record.offer.content.infoHashes.map(JSONValue.string))
        object["files"] = .integer(Int64(record.offer.content.files))
        object["bytes"] = .integer(record.offer.content.bytes)
        object.set("path", path)
        object.set("restores", record.restores)
        if record.offer.isCache { object["cache"] = true }
        if let sums = record.sums { object["sums"] = sums.json }
        var times = JSONObject()
        let isRefused = if case .refused? = record.life.outcome { true } else { false }
        for (name, time) in [
            ("accepted", isRefused ? nil : record.accepted), ("began", record.began), ("delivered", record.delivered),
            ("switched", record.switched), ("hook_started", record.hookStarted), ("ended", record.ended),
        ] {
            // Each time by both clocks.
            guard let time else { continue }
            times[name] = ["host": .double(time), "control": .double(time - ahead)]
        }
        object["times"] = .object(times)
        object["sources"] = [
            "peers": .integer(record.sources.peers), "store": .integer(record.sources.store),
            "web": .integer(record.sources.web), "local": .integer(record.sources.local),
        ]
        object.set("efficiency", efficiency)
        if let hook = record.hook {
            var inner = JSONObject(["attempt": .integer(hook.attempt)])
            if let ending = hook.ending {
                inner["ending"] = .string(ending.text)
                if case .exited(let status) = ending { inner["status"] = .integer(Int64(status)) }
            }
            object["hook"] = .object(inner)
        }
        return .object(object)
    }
}
