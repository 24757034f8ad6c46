/// What was found right of a job's content, and how it is written down. Pure.
///
/// The text is a list to which each change adds a line; of several lines for one file the last counts. A line for all of the
/// content counts only while it is the last: a change of any file makes the content something that was not checked.
struct CheckNotes: Sendable {
    /// By which the content as a whole is known again after a crash.
    enum Whole: Sendable, Hashable {
        /// Its inode and the time of its last change, which a rename leaves alone: the inode of what was removed is soon
        /// another's.
        case entry(device: UInt64, inode: UInt64, modified: Int64)
        /// It is copied into a mounted bucket, where only the marker tells that all of it is there.
        case bucket
        /// The same, and the copy has begun: what lies in the bucket without a marker is a part of it.
        case bucketBegun
        /// The same, and the copy is whole and durable: a marker that lies there from now on is its own, or that of content which
        /// came after it.
        case bucketCopied
    }

    /// By place in the job's list: metadata at the time of the check.
    private(set) var files: [Int: PathFiles.Status] = [:]
    /// Set once all of the content was found right and made durable.
    private(set) var whole: Whole?

    private static let header = "swoop verified files 1"

    init() {}

    // MARK: Changes: each gives the line to append

    mutating func note(_ index: Int, _ status: PathFiles.Status) -> String {
        files[index] = status
        whole = nil
        return Self.line(index, status)
    }

    /// - Returns: nil when nothing changed.
    mutating func forget(_ index: Int) -> String? {
        guard files.removeValue(forKey: index) != nil || whole != nil else { return nil }
        whole = nil
        return "- \(index)\n"
    }

    mutating func note(_ whole: Whole?) { self.whole = whole }

    // MARK: Text

    /// All of it, without lines that no longer count.
    var text: String {
        let lines = files.sorted { $0.key < $1.key }.map { Self.line($0.key, $0.value) }
        return Self.header + "\n" + lines.joined() + (whole.map { "all \($0.text)\n" } ?? "")
    }

    /// - Returns: the notes, and whether the text is as ``text`` would write them; nil for a text that is no list.
    static func parse(_ text: String) -> (notes: CheckNotes, isTidy: Bool)? {
        let lines = text.split(separator: "\n")
        guard lines.first.map(String.init) == header else { return nil }
        var notes = CheckNotes()
        for line in lines.dropFirst() { notes.read(line.split(separator: " ")) }
        // The last line may have been cut off by a crash: nothing must be appended to it.
        let count = 1 + notes.files.count + (notes.whole == nil ? 0 : 1)
        return (notes, lines.count == count && text.last == "\n")
    }

    private mutating func read(_ fields: [Substring]) {
        // Whatever follows the line for all of the content, it is no longer the last.
        whole = nil
        if fields.first == "all" {
            whole = Whole(fields.dropFirst())
        } else if fields.count == 2, fields[0] == "-", let index = Int(fields[1]) {
            files[index] = nil
        } else if fields.count == 5, let index = Int(fields[0]), let size = Int64(fields[1]),
            let device = UInt64(fields[2]), let inode = UInt64(fields[3]), let modified = Int64(fields[4])
        {
            files[index] = PathFiles.Status(kind: .file, size: size, modified: modified, inode: inode, device: device)
        }
    }

    private static func line(_ index: Int, _ status: PathFiles.Status) -> String {
        "\(index) \(status.size) \(status.device) \(status.inode) \(status.modified)\n"
    }
}

extension CheckNotes.Whole {
    /// As earlier versions kept it in a file of its own: the same words.
    init?(text: String) { self.init(text.split(whereSeparator: \.isWhitespace)[...]) }

    fileprivate init?(_ fields: ArraySlice<Substring>) {
        let fields = Array(fields)
        if fields == ["bucket"] {
            self = .bucket
        } else if fields == ["bucket", "begun"] {
            self = .bucketBegun
        } else if fields == ["bucket", "copied"] {
            self = .bucketCopied
        } else if fields.count == 3, let device = UInt64(fields[0]), let inode = UInt64(fields[1]),
            let modified = Int64(fields[2])
        {
            self = .entry(device: device, inode: inode, modified: modified)
        } else {
            return nil
        }
    }

    fileprivate var text: String {
        switch self {
        case .entry(let device, let inode, let modified): "\(device) \(inode) \(modified)"
        case .bucket: "bucket"
        case .bucketBegun: "bucket begun"
        case .bucketCopied: "bucket copied"
        }
    }
}
