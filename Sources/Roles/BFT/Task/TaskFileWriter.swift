import JSON
import Policy

extension TaskFile {
    /// The bytes of the file: every known member in BFT's order, then the unknown ones. May contain keys of the object
    /// store from a call, so it must be readable for its owner only.
    package func encode() -> [UInt8] { JSONValue.object(json()).encode(.indented) }

    private func json() -> JSONObject {
        var object: JSONObject = [
            "sourcetype": .string(sourceType), "senderid": .string(senderID), "name": .string(name),
            "type": .string(type.rawValue), "senderlocalpath": .string(senderLocalPath),
            "basesubdir": .string(subdirectory.text),
        ]
        if let dataSource { object["datasource"] = .string(dataSource.rawValue) }
        object["size"] = .integer(size)
        object["bt-obs-cdn"] = .string(shares.description)
        object["policy"] = .string(policy.rawValue)
        object["bt"] = .object(btJSON())
        object["obs"] = .object(obsJSON())
        object["cdn"] = .object(Self.merged(["url": .string(cdn.url), "priortime": Self.json(cdn.window)], cdn.extra))
        object["filelist"] = .array(
            fileList.map { entry in
                .object(
                    Self.merged(
                        ["file": .string(entry.file), "hash": .string(entry.hash), "size": .integer(entry.size)],
                        entry.extra))
            })
        writeLists(to: &object)
        object["gentime"] = .string(generationTime)
        object["sendtime"] = .string(sendTime)
        object["receivetime"] = .string(receiveTime)
        object["finishedtime"] = .string(finishedTime)
        if rebalance != .none { object["rebalance"] = .string(rebalance.rawValue) }
        if !payable.isEmpty { object["payable"] = .array(payable.map { .string($0.rawValue) }) }
        if let seedsInWindow { object["seedinwindow"] = .bool(seedsInWindow) }
        return Self.merged(object, extra)
    }

    private func btJSON() -> JSONObject {
        var object: JSONObject = [
            "localtorrent": .string(bt.localTorrent), "url": .string(bt.url), "tmpurl": .string(bt.tmpURL),
            "tracker": .string(bt.tracker),
        ]
        if let seedTime = bt.seedTime { object["seedtime"] = seedTime.json }
        object["priortime"] = Self.json(bt.window)
        if !bt.infoHash.isEmpty { object["infohash"] = .string(bt.infoHash) }
        if !bt.tmpInfoHash.isEmpty { object["tmpinfohash"] = .string(bt.tmpInfoHash) }
        return Self.merged(object, bt.extra)
    }

    private func obsJSON() -> JSONObject {
        var object: JSONObject = ["url": .string(obs.url), "priortime": Self.json(obs.window)]
        if let key = obs.keys.accessKey { object["ak"] = .string(key.value) }
        if let key = obs.keys.secretKey { object["sk"] = .string(key.value) }
        if !obs.keys.endpoint.isEmpty { object["endpoint"] = .string(obs.keys.endpoint) }
        return Self.merged(object, obs.extra)
    }

    private func writeLists(to object: inout JSONObject) {
        let local = Set(localSameFiles)
        object["localsamefiles"] = .array(localSameFiles.map { .string($0.string ?? $0.display) })
        var localLists = JSONObject()
        for method in DeliveryMethod.allCases {
            let names = { (isLocal: Bool) in
                JSONValue.array(
                    lists[method].filter { local.contains($0) == isLocal }.map { .string($0.string ?? $0.display) })
            }
            object[method.rawValue + "list"] = names(false)
            if names(true) != .array([]) { localLists[method.rawValue] = names(true) }
        }
        object["requesters"] = requesters
        let places = places()
        for method in DeliveryMethod.allCases {
            let sum = lists[method].reduce(Int64(0)) { $0 &+ (places[$1].map { fileList[$0].size } ?? 0) }
            object[method.rawValue + "listsize"] = .integer(listSizes[method] ?? sum)
        }
        for method in DeliveryMethod.allCases {
            object[method.rawValue + "listsize2"] = .integer(listSizes2[method] ?? 0)
        }
        // The method to whose share each local file belonged: the lists above no longer contain them.
        if !localLists.isEmpty { object["localsamelists"] = .object(localLists) }
    }

    private static func json(_ window: QuietWindow?) -> JSONValue { .string(window?.text ?? "") }

    private static func merged(_ object: JSONObject, _ extra: JSONObject) -> JSONObject {
        var object = object
        for member in extra.members where object[member.key] == nil { object[member.key] = member.value }
        return object
    }
}
