import Fleet
import JSON
import Jobs
import Policy

// The JSON form of the stored record. It is validated like any input from outside, since the file may have been
// changed.
extension TargetRecord {
    package var json: JSONValue {
        var object = JSONObject(["job": .string(job), "offer": offer.json, "life": life.json, "root": .string(root)])
        object.set("destination", destination)
        object.set("publish", publish?.rawValue)
        object.set("restores", restores)
        object["accepted"] = .double(accepted)
        object.set("began", began)
        object.set("delivered", delivered)
        object.set("switched", switched)
        object.set("hook_started", hookStarted)
        object.set("ended", ended)
        object.set("served_until", servedUntil)
        object.set("detail", detail)
        if let hook {
            var inner = JSONObject(["attempt": .integer(hook.attempt), "boot": .string(hook.boot)])
            if let ending = hook.ending { inner["ending"] = .string(ending.text) }
            object["hook"] = .object(inner)
        }
        object.set("receipt", receipt)
        if owesReceipt { object["owes_receipt"] = true }
        object["sources"] = [
            "peers": .integer(sources.peers), "store": .integer(sources.store), "web": .integer(sources.web),
            "local": .integer(sources.local),
        ]
        object["engine_state"] = .string(engineState.rawValue)
        object.set("engine_began", engine.began?.seconds)
        object.set("engine_completed", engine.completed?.seconds)
        if let sums { object["sums"] = sums.json }
        return .object(object)
    }

    package init(json: JSONValue) throws(WireProblem) {
        let reader = try WireReader(json, "the record")
        guard let offer: JobOffer = try reader.message("offer") else { throw WireProblem("offer", "is missing") }
        let job = try reader.text("job", most: 64)
        guard TargetRecord.isName(job) else { throw WireProblem("job", "is no name of a job") }
        guard let life = reader.value("life") else { throw WireProblem("life", "is missing") }
        self.init(
            job: job, offer: offer, life: try TargetLife(json: life), root: try reader.text("root", most: 4096),
            destination: try reader.optionalText("destination", most: 4096), accepted: try reader.number("accepted"))
        publish = try reader.optionalText("publish", most: 16).flatMap(FleetClass.Publish.init(rawValue:))
        restores = try reader.optionalText("restores", most: 64)
        if let restores, !TargetRecord.isName(restores) { throw WireProblem("restores", "is no name of a job") }
        began = try reader.optionalNumber("began")
        delivered = try reader.optionalNumber("delivered")
        switched = try reader.optionalNumber("switched")
        hookStarted = try reader.optionalNumber("hook_started")
        ended = try reader.optionalNumber("ended")
        servedUntil = try reader.optionalNumber("served_until")
        detail = try reader.optionalText("detail", most: 1024)
        if let value = reader.value("hook") {
            let inner = try WireReader(value, "hook")
            hook = HookState(
                attempt: try inner.integer("attempt"), boot: try inner.text("boot", most: 128),
                ending: try inner.optionalText("ending", most: 64).flatMap(HookEnding.init(text:)))
        }
        receipt = try reader.optionalText("receipt", most: 65_536)
        owesReceipt = reader.value("owes_receipt") == true
        if let value = reader.value("sources") {
            let inner = try WireReader(value, "sources")
            sources.peers = try inner.optionalInteger("peers") ?? 0
            sources.store = try inner.optionalInteger("store") ?? 0
            sources.web = try inner.optionalInteger("web") ?? 0
            sources.local = try inner.optionalInteger("local") ?? 0
        }
        engineState = try reader.optionalText("engine_state").flatMap(Jobs.JobState.init(rawValue:)) ?? .receiving
        engine.began = try reader.optionalNumber("engine_began").map { Instant(seconds: $0) }
        engine.completed = try reader.optionalNumber("engine_completed").map { Instant(seconds: $0) }
        sums = reader.value("sums").flatMap(FileSums.init(json:))
    }
}

extension TargetLife {
    package var json: JSONValue {
        var object = JSONObject(["stage": .string(stage.rawValue), "attempt": .integer(attempt)])
        for (key, flag) in flags where flag { object[key] = .bool(true) }
        object.set("moment", moment)
        if seedTime > 0 { object["seed_time"] = .double(seedTime) }
        object.set("kept_until", keptUntil)
        if let outcome {
            switch outcome {
            case .done: object["outcome"] = "done"
            case .failed(let code, let again):
                object["outcome"] = "failed"
                object["code"] = .string(code)
                object["again"] = .bool(again)
            case .refused(let key):
                object["outcome"] = "refused"
                object["code"] = .string(key)
            case .hookUnknown: object["outcome"] = "hook_unknown"
            case .cancelled: object["outcome"] = "cancelled"
            }
        }
        return .object(object)
    }

    private var flags: [(String, Bool)] {
        [
            ("paused", isPaused), ("begun", hasBegun), ("content", hasContent), ("visible", isVisible),
            ("may_switch", maySwitch), ("over", isOver), ("has_hook", hasHook), ("cache", isCache),
        ]
    }

    package init(json: JSONValue) throws(WireProblem) {
        let reader = try WireReader(json, "life")
        self.init(
            attempt: try reader.integer("attempt"), hasHook: try reader.flag("has_hook"),
            isCache: try reader.flag("cache"), seedTime: try reader.optionalNumber("seed_time") ?? 0)
        keptUntil = try reader.optionalNumber("kept_until")
        stage = try reader.choice("stage")
        isPaused = try reader.flag("paused")
        hasBegun = try reader.flag("begun")
        hasContent = try reader.flag("content")
        isVisible = try reader.flag("visible")
        maySwitch = try reader.flag("may_switch")
        isOver = try reader.flag("over")
        moment = try reader.optionalNumber("moment")
        let code = try reader.optionalText("code", most: 128) ?? ""
        switch try reader.optionalText("outcome") {
        case "done": outcome = .done
        case "failed": outcome = .failed(code: code, again: try reader.flag("again"))
        case "refused": outcome = .refused(key: code)
        case "hook_unknown": outcome = .hookUnknown
        case "cancelled": outcome = .cancelled
        default: outcome = nil
        }
    }
}

extension HookEnding {
    /// The result in records and status files: `exit 0`, `signal 9`, `timeout`.
    package var text: String {
        switch self {
        case .exited(let status): "exit \(status)"
        case .killed(let signal): "signal \(signal)"
        case .timedOut: "timeout"
        case .notStarted: "not started"
        case .unknown: "unknown"
        }
    }

    package init?(text: String) {
        let words = text.split(separator: " ")
        switch (words.first, words.count) {
        case ("exit", 2):
            guard let number = Int32(words[1]) else { return nil }
            self = .exited(number)
        case ("signal", 2):
            guard let number = Int32(words[1]) else { return nil }
            self = .killed(signal: number)
        case ("timeout", 1): self = .timedOut
        case ("not", 2): self = .notStarted
        case ("unknown", 1): self = .unknown
        default: return nil
        }
    }
}

extension JSONObject {
    mutating func set(_ key: String, _ value: String?) { if let value { self[key] = .string(value) } }
    mutating func set(_ key: String, _ value: Double?) { if let value { self[key] = .double(value) } }
    mutating func set(_ key: String, _ value: Int64?) { if let value { self[key] = .integer(value) } }
}
