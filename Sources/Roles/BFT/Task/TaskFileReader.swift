import JSON
import Metainfo
import Policy
import Text

/// Parses task files of all known senders: strings or numbers, either spelling of the store's keys, `[""]` for an empty
/// list, unknown members.
struct TaskFileReader {
    private var object: JSONObject
    /// Prefix of keys in errors: empty, or `bt.`.
    private let prefix: String

    static func read(_ object: JSONObject) throws(TaskFileError) -> TaskFile {
        var reader = TaskFileReader(object: object, prefix: "")
        return try reader.taskFile()
    }

    private mutating func taskFile() throws(TaskFileError) -> TaskFile {
        guard let name = try text("name"), !name.isEmpty else { throw .invalid(key: "name", reason: "it is missing") }
        do { _ = try PathComponent(name) } catch { throw .invalid(key: "name", reason: error.description) }
        // Names that begin with a dot are reserved for the node, and no file server serves them.
        guard !name.hasPrefix(".") else { throw .invalid(key: "name", reason: "it begins with a dot") }
        guard let shareText = try text("bt-obs-cdn"), let shares = Shares(shareText) else {
            throw .invalid(key: "bt-obs-cdn", reason: "it is three parts such as 2:1:1, not all of them 0")
        }
        var task = TaskFile(
            name: name, subdirectory: try subdirectory(), shares: shares, fileList: try fileList())
        task.sourceType = try text("sourcetype") ?? "sender"
        task.senderID = try text("senderid") ?? ""
        task.type = try choice("type", TaskContentType.self) ?? .dir
        guard task.type == .dir || task.fileList.count == 1 else {
            throw .invalid(key: "filelist", reason: "a task of type 'file' has one file")
        }
        task.senderLocalPath = try text("senderlocalpath") ?? ""
        task.dataSource = try choice("datasource", DataSource.self)
        task.size = try bytes("size") ?? task.size
        task.policy = try choice("policy", DeliveryPolicy.self) ?? .fulltime
        try readMethods(&task)
        try readLists(&task)
        let generationTime = try text("gentime")
        let olderTime = try text("gentasktime")
        task.generationTime = generationTime ?? olderTime ?? ""
        task.sendTime = try text("sendtime") ?? ""
        task.receiveTime = try text("receivetime") ?? ""
        task.finishedTime = try text("finishedtime") ?? ""
        task.rebalance = try choice("rebalance", Rebalance.self) ?? .none
        task.payable = try payable()
        task.seedsInWindow = try flag("seedinwindow")
        task.requesters = removeValue("requesters") ?? .array([])
        task.extra = object
        return task
    }

    private mutating func readMethods(_ task: inout TaskFile) throws(TaskFileError) {
        var bt = try child("bt")
        task.bt.localTorrent = try bt.text("localtorrent") ?? ""
        task.bt.url = try bt.text("url") ?? ""
        task.bt.tmpURL = try bt.text("tmpurl") ?? ""
        task.bt.tracker = try bt.text("tracker") ?? ""
        if let text = try bt.text("seedtime"), !text.isEmpty {
            guard let time = SeedTime(text) else {
                throw .invalid(key: "bt.seedtime", reason: "it is hours, or a time such as 90s, 30m or 72h")
            }
            task.bt.seedTime = time
        }
        task.bt.window = try bt.window()
        task.bt.infoHash = try bt.infoHash("infohash")
        task.bt.tmpInfoHash = try bt.infoHash("tmpinfohash")
        task.bt.extra = bt.object

        var obs = try child("obs")
        task.obs.url = try obs.text("url") ?? ""
        task.obs.window = try obs.window()
        task.obs.keys = StoreKeys(
            accessKey: try obs.secret("ak", "obsak"), secretKey: try obs.secret("sk", "obssk"),
            endpoint: try obs.eitherText("endpoint", "obsendpoint"))
        task.obs.extra = obs.object

        var cdn = try child("cdn")
        task.cdn.url = try cdn.text("url") ?? ""
        task.cdn.window = try cdn.window()
        task.cdn.extra = cdn.object
    }

    private mutating func readLists(_ task: inout TaskFile) throws(TaskFileError) {
        let known = Set(task.fileList.map(\.path))
        task.localSameFiles = try list("localsamefiles", known: known)
        var shares = try child("localsamelists")
        for method in DeliveryMethod.allCases {
            let key = method.rawValue + "list"
            let rest = try list(key, known: known)
            let local = try shares.list(method.rawValue, known: known)
            let listed = Set(rest)
            task.lists[method] = rest + local.filter { !listed.contains($0) }
            task.listSizes[method] = try bytes(key + "size")
            task.listSizes2[method] = try bytes(key + "size2")
        }
    }

    private mutating func fileList() throws(TaskFileError) -> [TaskFileEntry] {
        guard let values = removeValue("filelist")?.arrayValue else {
            throw .invalid(key: "filelist", reason: "it is missing, or no list")
        }
        var entries: [TaskFileEntry] = []
        entries.reserveCapacity(values.count)
        var total: Int64 = 0
        for (index, value) in values.enumerated() {
            guard let object = value.objectValue else {
                throw .invalid(key: "filelist[\(index)]", reason: "it is \(value.kind) and should be an object")
            }
            var reader = TaskFileReader(object: object, prefix: "filelist[\(index)].")
            let entry = try reader.entry()
            let (sum, overflow) = total.addingReportingOverflow(entry.size)
            guard !overflow else { throw .invalid(key: "filelist", reason: "the files are too big together") }
            total = sum
            entries.append(entry)
        }
        try Self.checkNames(entries)
        return entries
    }

    private mutating func entry() throws(TaskFileError) -> TaskFileEntry {
        let path = try Self.path(try text("file") ?? "", key: prefix + "file")
        guard let hash = try text("hash")?.lowercased(), Self.isHexadecimal(hash, digits: 40) else {
            throw .invalid(key: prefix + "hash", reason: "it is not a SHA-1 of 40 hexadecimal digits")
        }
        guard let size = try bytes("size") else { throw .invalid(key: prefix + "size", reason: "it is missing") }
        var entry = TaskFileEntry(path: path, hash: hash, size: size)
        entry.extra = object
        return entry
    }

    /// Two files cannot have the same name, and no file can be the directory of another.
    private static func checkNames(_ entries: [TaskFileEntry]) throws(TaskFileError) {
        let order = entries.indices.sorted { entries[$0].path < entries[$1].path }
        for (index, next) in zip(order, order.dropFirst()) {
            let path = entries[index].path.bytes
            let other = entries[next].path.bytes
            guard other.starts(with: path) else { continue }
            if other.count == path.count {
                throw .invalid(key: "filelist[\(next)].file", reason: "another file has the same name")
            }
            if other[path.count] == UInt8(ascii: "/") {
                throw .invalid(key: "filelist[\(next)].file", reason: "another file is its directory")
            }
        }
    }

    private mutating func subdirectory() throws(TaskFileError) -> TaskSubdirectory {
        guard let text = try text("basesubdir"), !text.isEmpty else {
            throw .invalid(key: "basesubdir", reason: "it is missing")
        }
        guard !text.hasPrefix(".") else { throw .invalid(key: "basesubdir", reason: "it begins with a dot") }
        do { return try TaskSubdirectory(text) } catch {
            throw .invalid(key: "basesubdir", reason: error.description)
        }
    }

    private mutating func payable() throws(TaskFileError) -> [DeliveryMethod] {
        guard let value = removeValue("payable"), !value.isNull else { return [] }
        let names = value.arrayValue ?? [value]
        var methods: [DeliveryMethod] = []
        for (index, name) in names.enumerated() where name != .string("") {
            guard let method = name.stringValue.flatMap(DeliveryMethod.init(rawValue:)) else {
                throw .invalid(key: "payable[\(index)]", reason: "it is bt, obs or cdn")
            }
            methods.append(method)
        }
        return methods
    }
}

// Reading single members. Each member that was read is removed, so that unknown ones remain.
extension TaskFileReader {
    private mutating func removeValue(_ key: String) -> JSONValue? {
        guard let value = object[key] else { return nil }
        object[key] = nil
        return value
    }

    private mutating func child(_ key: String) throws(TaskFileError) -> TaskFileReader {
        guard let value = removeValue(key), !value.isNull else {
            return TaskFileReader(object: JSONObject(), prefix: key + ".")
        }
        guard let object = value.objectValue else {
            throw .invalid(key: prefix + key, reason: "it is \(value.kind) and should be an object")
        }
        return TaskFileReader(object: object, prefix: key + ".")
    }

    private mutating func text(_ key: String) throws(TaskFileError) -> String? {
        guard let value = removeValue(key), !value.isNull else { return nil }
        guard let text = value.lenientText else {
            throw .invalid(key: prefix + key, reason: "it is \(value.kind) and should be a string")
        }
        return text
    }

    private mutating func eitherText(_ key: String, _ other: String) throws(TaskFileError) -> String {
        let first = try text(key) ?? ""
        let second = try text(other) ?? ""
        return first.isEmpty ? second : first
    }

    private mutating func secret(_ key: String, _ other: String) throws(TaskFileError) -> Secret? {
        let text = try eitherText(key, other)
        return text.isEmpty ? nil : Secret(text)
    }

    private mutating func flag(_ key: String) throws(TaskFileError) -> Bool? {
        guard let value = removeValue(key), !value.isNull, value != .string("") else { return nil }
        guard let flag = value.lenientFlag else { throw .invalid(key: prefix + key, reason: "it is true or false") }
        return flag
    }

    private mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, _: Choice.Type
    ) throws(TaskFileError) -> Choice? where Choice.RawValue == String {
        guard let text = try text(key), !text.isEmpty else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let choices = Choice.allCases.map(\.rawValue).joined(separator: " or ")
            throw .invalid(key: prefix + key, reason: "it is '\(DisplayName.escape(text))' and should be \(choices)")
        }
        return choice
    }

    private mutating func bytes(_ key: String) throws(TaskFileError) -> Int64? {
        guard let value = removeValue(key), !value.isNull, value != .string("") else { return nil }
        guard let number = value.lenientInteger, number >= 0 else {
            throw .invalid(key: prefix + key, reason: "it is a number of bytes")
        }
        return number
    }

    private mutating func window() throws(TaskFileError) -> QuietWindow? {
        guard let text = try text("priortime"), !text.isEmpty else { return nil }
        do { return try QuietWindow.parse(text) } catch {
            throw .invalid(key: prefix + "priortime", reason: error.description)
        }
    }

    private mutating func infoHash(_ key: String) throws(TaskFileError) -> String {
        let text = try text(key)?.lowercased() ?? ""
        guard text.isEmpty || Self.isHexadecimal(text, digits: 40) || Self.isHexadecimal(text, digits: 64) else {
            throw .invalid(key: prefix + key, reason: "it is not an info hash of 40 or 64 hexadecimal digits")
        }
        return text
    }

    private mutating func list(_ key: String, known: Set<SafePath>) throws(TaskFileError) -> [SafePath] {
        guard let value = removeValue(key), !value.isNull, value != .string("") else { return [] }
        guard let elements = value.arrayValue else {
            throw .invalid(key: prefix + key, reason: "it is \(value.kind) and should be a list")
        }
        var paths: [SafePath] = []
        for (index, element) in elements.enumerated() where element != .string("") {
            let name = "\(prefix)\(key)[\(index)]"
            guard let text = element.stringValue else {
                throw .invalid(key: name, reason: "it is \(element.kind) and should be a string")
            }
            let path = try Self.path(text, key: name)
            guard known.contains(path) else { throw .invalid(key: name, reason: "there is no such file in 'filelist'") }
            paths.append(path)
        }
        return paths
    }

    private static func path(_ text: String, key: String) throws(TaskFileError) -> SafePath {
        do { return try SafePath(text) } catch {
            throw .invalid(key: key, reason: "it is no path below the content: \(error)")
        }
    }

    private static func isHexadecimal(_ text: String, digits: Int) -> Bool {
        text.utf8.count == digits
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
