import Address
import Text
import JSON
import Metainfo

/// Checks the members of a configuration, and records which keys are known.
struct ConfigurationReader {
    let object: JSONObject
    private var known: Set<String> = []

    init(object: JSONObject) { self.object = object }

    mutating func configuration() throws(ConfigurationError) -> NodeConfiguration {
        guard let role = try choice("servertype", NodeRole.self) else {
            throw .missing(key: "servertype", reason: "it is sender, receiver or cacher")
        }
        var result = NodeConfiguration(role: role)
        try readIdentity(&result)
        try readPaths(&result)
        try readPolicy(&result)
        try readStore(&result)
        try readService(&result)
        result.warnings += object.keys.filter { !known.contains($0) }.map {
            "the key '\(DisplayName.escape($0))' is not known and is ignored"
        }
        return result
    }

    private mutating func readIdentity(_ result: inout NodeConfiguration) throws(ConfigurationError) {
        if let value = try choice("machinetype", MachineType.self) { result.machineType = value }
        if let value = try choice("datasource", DataSource.self) { result.dataSource = value }
        if let value = try choice("receiverstoreplan", ReceiverStorePlan.self) { result.receiverStorePlan = value }
        result.receiverID = try text("receiverid") ?? ""
        result.vip = try text("vip") ?? ""
        result.senderID = try text("senderid") ?? ""
        // The web control of the first version's BitTorrent client, which this node does not have.
        _ = member("ctcs")
    }

    private mutating func readPaths(_ result: inout NodeConfiguration) throws(ConfigurationError) {
        if let value = try path("basedatapath") { result.baseDataPath = value }
        if let value = try path("datapath") { result.dataPath = value }
        if let value = try path("hashtable") { result.hashTable = value }
        if let value = try flag("avoidrepeat") { result.avoidsRepeat = value }
        if let value = try text("basesubdir"), !value.isEmpty {
            try refuseTrailingSlash("basesubdir", value)
            do {
                let subdirectory = try TaskSubdirectory(value)
                result.baseSubdirectory = subdirectory
                if let warning = subdirectory.warning { result.warnings.append("the key 'basesubdir': \(warning)") }
            } catch { throw .invalid(key: "basesubdir", reason: error.description) }
        }
        result.taskRoots = try paths("taskroots") ?? [result.dataPath, "/tmp"]
    }

    private mutating func readPolicy(_ result: inout NodeConfiguration) throws(ConfigurationError) {
        if let value = try text("bt-obs-cdn") {
            guard let shares = Shares(value) else {
                throw .invalid(key: "bt-obs-cdn", reason: "it is three parts such as 2:1:1, not all of them 0")
            }
            result.shares = shares
        }
        let prior = try choice("prior", DeliveryPolicy.self)
        let priorPolicy = try choice("priorpolicy", DeliveryPolicy.self)
        if let prior, let priorPolicy, prior != priorPolicy {
            throw .invalid(key: "priorpolicy", reason: "it is one key with 'prior', which says something else")
        }
        result.policy = prior ?? priorPolicy ?? .fulltime
        for method in DeliveryMethod.allCases {
            let key = method.rawValue + "time"
            guard let value = try text(key), !value.isEmpty else { continue }
            do { result.windows[method] = try QuietWindow.parse(value) } catch {
                throw .invalid(key: key, reason: error.description)
            }
        }
        if let value = try flag("seedinwindow") { result.seedsInWindow = value }
        if let value = try flag("ctfilesorder") { result.keepsTorrentOrder = value }
        if let value = try choice("torrentformat", TorrentFormat.self) { result.torrentFormat = value }
        if let value = try text("defaultseedtime") {
            guard let time = SeedTime(value) else {
                throw .invalid(key: "defaultseedtime", reason: "it is hours, or a time such as 90s, 30m or 72h")
            }
            result.defaultSeedTime = time
        }
        if let value = try text("sourcetimeout") {
            guard let seconds = DurationText.seconds(value, unit: 1), seconds > 0 else {
                throw .invalid(key: "sourcetimeout", reason: "it is a time above 0 such as 90s or 10m")
            }
            result.sourceTimeout = seconds
        }
    }

    private mutating func readStore(_ result: inout NodeConfiguration) throws(ConfigurationError) {
        result.senderDomain = try url("senderdomain", schemes: ["http", "https"]) ?? ""
        result.cdnURL = try url("cdnurl", schemes: ["http", "https"]) ?? ""
        result.tracker = try url("tracker", schemes: ["http", "https", "udp"]) ?? ""
        result.storeURL = try url("obsurl", schemes: ["obs", "s3"]) ?? ""
        result.storeKeys.accessKey = try secret("obsak")
        result.storeKeys.secretKey = try secret("obssk")
        result.storeKeys.endpoint = try text("obsendpoint") ?? ""
        try refuseTrailingSlash("obsendpoint", result.storeKeys.endpoint)
        result.bucketTable = try path("obsbuckets")
        result.storeRegion = try text("obsregion") ?? ""
        if let value = try choice("obssignature", StoreSignature.self) { result.storeSignature = value }
        result.storeStyle = try choice("obsstyle", StoreStyle.self)
    }

    private mutating func readService(_ result: inout NodeConfiguration) throws(ConfigurationError) {
        for method in DeliveryMethod.allCases { result.rateLimits[method] = try rate(method.rawValue + "limit") }
        result.uploadLimit = try rate("uploadlimit")
        result.uploadsAtOnce = try count("uploadingnum") ?? result.uploadsAtOnce
        result.downloadsAtOnce = try count("downloadingnum") ?? result.downloadsAtOnce
        if let value = try address("listen") { result.listen = value }
        result.www = try address("www")
        result.torrentListen = try address("btlisten")
        result.apiToken = try secret("apitoken")
        result.callback = try url("callback", schemes: ["http", "https"])
        if !result.listen.isLoopback && result.apiToken == nil {
            throw .missing(key: "apitoken", reason: "'listen' is \(result.listen), which other machines can reach")
        }
    }
}

// Reading single keys.
extension ConfigurationReader {
    private mutating func member(_ key: String) -> JSONValue? {
        known.insert(key)
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    private mutating func text(_ key: String) throws(ConfigurationError) -> String? {
        guard let value = member(key) else { return nil }
        guard let text = value.lenientText else {
            throw .invalid(key: key, reason: "it is \(value.kind) and should be a string")
        }
        guard !text.utf8.contains(0) else { throw .invalid(key: key, reason: "it has a NUL in it") }
        return text
    }

    private mutating func secret(_ key: String) throws(ConfigurationError) -> Secret? {
        guard let text = try text(key), !text.isEmpty else { return nil }
        return Secret(text)
    }

    private mutating func flag(_ key: String) throws(ConfigurationError) -> Bool? {
        guard let value = member(key) else { return nil }
        guard let flag = value.lenientFlag else { throw .invalid(key: key, reason: "it is true or false") }
        return flag
    }

    private mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, _: Choice.Type
    ) throws(ConfigurationError) -> Choice? where Choice.RawValue == String {
        guard let text = try text(key), !text.isEmpty else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let choices = Choice.allCases.map(\.rawValue).joined(separator: " or ")
            throw .invalid(key: key, reason: "it is '\(DisplayName.escape(text))' and should be \(choices)")
        }
        return choice
    }

    private mutating func count(_ key: String) throws(ConfigurationError) -> Int? {
        guard let value = member(key) else { return nil }
        guard let number = value.lenientInteger, (1...10_000).contains(number) else {
            throw .invalid(key: key, reason: "it is a number from 1 to 10000")
        }
        return Int(number)
    }

    /// Bytes per second: a number, or one with `K`, `M` or `G` (of 1,024). Empty and 0 mean no limit.
    private mutating func rate(_ key: String) throws(ConfigurationError) -> Int? {
        guard let text = try text(key)?.trimmingBlanks, !text.isEmpty else { return nil }
        let factors: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let factor = text.last.flatMap { factors[Character($0.uppercased())] }
        let digits = factor == nil ? Substring(text) : text.dropLast()
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits) else {
            throw .invalid(key: key, reason: "it is bytes a second such as 500K or 20M")
        }
        let (rate, overflow) = number.multipliedReportingOverflow(by: factor ?? 1)
        guard !overflow else { throw .invalid(key: key, reason: "it is too big") }
        return rate == 0 ? nil : rate
    }

    private mutating func address(_ key: String) throws(ConfigurationError) -> ListenAddress? {
        guard let text = try text(key), !text.isEmpty else { return nil }
        guard let address = ListenAddress(text) else {
            throw .invalid(key: key, reason: "it is an address and port such as 127.0.0.1:8191")
        }
        return address
    }

    private mutating func path(_ key: String) throws(ConfigurationError) -> String? {
        guard let text = try text(key), !text.isEmpty else { return nil }
        try checkPath(key, text)
        return text
    }

    private mutating func paths(_ key: String) throws(ConfigurationError) -> [String]? {
        guard let value = member(key) else { return nil }
        let elements = value.arrayValue ?? [value]
        var paths: [String] = []
        for element in elements {
            guard let text = element.stringValue else {
                throw .invalid(key: key, reason: "it is a list of directories")
            }
            for part in text.split(separator: ",").map({ String($0).trimmingBlanks }) where !part.isEmpty {
                try checkPath(key, part)
                paths.append(part)
            }
        }
        return paths.isEmpty ? nil : paths
    }

    private func checkPath(_ key: String, _ text: String) throws(ConfigurationError) {
        try refuseTrailingSlash(key, text)
        guard NodePaths.isCleanAbsolute(text) else {
            throw .invalid(key: key, reason: "it is not an absolute path without '.', '..' and empty parts")
        }
    }

    private mutating func url(_ key: String, schemes: [String]) throws(ConfigurationError) -> String? {
        guard let text = try text(key), !text.isEmpty else { return nil }
        try refuseTrailingSlash(key, text)
        let isKnown = schemes.contains {
            text.utf8.starts(with: "\($0)://".utf8) && text.utf8.count > $0.utf8.count + 3
        }
        guard isKnown, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw .invalid(
                key: key, reason: "it is a URL that begins with \(schemes.map { $0 + "://" }.joined(separator: " or "))"
            )
        }
        return text
    }

    private func refuseTrailingSlash(_ key: String, _ text: String) throws(ConfigurationError) {
        guard text.utf8.last == UInt8(ascii: "/") else { return }
        throw .invalid(key: key, reason: "it ends in a '/'; paths and URLs are written without a trailing slash")
    }
}
