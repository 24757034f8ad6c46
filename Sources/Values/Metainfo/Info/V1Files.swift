import Bencode

/// The files of a v1 or hybrid info dictionary: `length`, or `files` (BEP 3, BEP 47).
struct V1Files {
    let isSingleFile: Bool
    let files: [ContentLayout.Unplaced]

    init(_ info: BencodeDictionary, version: Info.Version, limits: MetainfoLimits) throws(MetainfoError) {
        guard let list = info["files"] else {
            guard let length = info["length"] else { throw .missing(key: "length") }
            let attributes = FileAttributes(info)
            guard !attributes.isSymlink else { throw .symlink(DisplayName.escape(info["name"]?.bytesValue ?? [])) }
            guard let bytes = length.integerValue, bytes >= 0 else { throw .badLength("length") }
            isSingleFile = true
            files = [.init(path: .empty, length: bytes, isExecutable: attributes.isExecutable)]
            return
        }
        guard info["length"] == nil else { throw .wrongType(key: "length") }
        guard let entries = list.listValue else { throw .wrongType(key: "files") }
        guard entries.count <= limits.maxFiles else { throw .tooManyFiles(limit: limits.maxFiles) }
        var files: [ContentLayout.Unplaced] = []
        files.reserveCapacity(entries.count)
        for entry in entries {
            guard let entry = entry.dictionaryValue else { throw .wrongType(key: "files") }
            files.append(try Self.file(entry, version: version))
        }
        try PathSetCheck.check(files)
        isSingleFile = false
        self.files = files
    }

    private static func file(
        _ entry: BencodeDictionary, version: Info.Version
    ) throws(MetainfoError) -> ContentLayout.Unplaced {
        let utf8 = entry["path.utf-8"]?.listValue
        let plain = entry["path"]
        guard utf8 != nil || plain != nil else { throw .missing(key: "path") }
        guard let list = version == .v1 || plain == nil ? utf8 ?? plain?.listValue : plain?.listValue else {
            throw .wrongType(key: "path")
        }
        var components: [ArraySlice<UInt8>] = []
        components.reserveCapacity(list.count)
        for value in list {
            guard let bytes = value.bytesValue else { throw .wrongType(key: "path") }
            components.append(bytes)
        }
        let path: SafePath
        do {
            path = try SafePath(components: components)
        } catch {
            throw .unsafeName(
                DisplayName.escape(Array(components.prefix(20).joined(separator: [UInt8(ascii: "/")]))), error)
        }
        let attributes = FileAttributes(entry)
        guard !attributes.isSymlink else { throw .symlink(path.display) }
        guard let length = entry["length"]?.integerValue, length >= 0 else { throw .badLength(path.display) }
        return .init(
            path: path, length: length, isPadding: attributes.isPadding || isPaddingName(components),
            isExecutable: attributes.isExecutable)
    }

    /// Naming conventions older than BEP 47's attribute: `.pad/N` and BitComet's `_____padding_file_N_…`.
    static func isPaddingName(_ path: SafePath) -> Bool {
        isPaddingName(path.bytes.split(separator: UInt8(ascii: "/")))
    }

    private static func isPaddingName(_ components: [ArraySlice<UInt8>]) -> Bool {
        guard let first = components.first, let last = components.last else { return false }
        if components.count == 2, first.elementsEqual(".pad".utf8) {
            return last.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        }
        return last.starts(with: "_____padding_file_".utf8)
    }
}

/// The file attributes of BEP 47.
struct FileAttributes {
    var isPadding = false
    var isExecutable = false
    var isSymlink = false

    init(_ entry: BencodeDictionary) {
        for byte in entry["attr"]?.bytesValue ?? [] {
            switch byte {
            case UInt8(ascii: "p"): isPadding = true
            case UInt8(ascii: "x"): isExecutable = true
            case UInt8(ascii: "l"): isSymlink = true
            default: break  // `h` (hidden) has no effect here; BEP 47 says to ignore unknown attributes
            }
        }
        if entry["symlink path"] != nil { isSymlink = true }
    }
}
