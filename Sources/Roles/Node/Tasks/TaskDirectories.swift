import Files
import Jobs

/// Whether a task is sent or received.
package enum TaskSide: String, Sendable, Hashable, CaseIterable { case sender, receiver }

/// The state of a task: the name of the directory that contains its file.
package enum TaskState: String, Sendable, Hashable, CaseIterable {
    case tmp, queues, uploading, uploaded, downloading, downloaded, history, failed

    /// In the order of a task's life.
    static func all(of side: TaskSide) -> [TaskState] {
        side == .sender
            ? [.tmp, .queues, .uploading, .uploaded, .history, .failed]
            : [.tmp, .queues, .downloading, .downloaded, .history, .failed]
    }
}

/// The directories of task files. They are the record of every task's state and the contract with other programs: a
/// state is a directory, and a change of state is one rename.
package struct TaskDirectories: Sendable {
    /// `DATA`.
    package let root: String
    /// Hears of changes of state that were made and may not survive the loss of power.
    private let uncertain: @Sendable (FileFailure) -> Void
    private let layer: any FileLayer

    package init(
        root: String, layer: any FileLayer = SystemFileLayer(),
        uncertain: @escaping @Sendable (FileFailure) -> Void = { _ in }
    ) {
        self.root = root
        self.layer = layer
        self.uncertain = uncertain
    }

    package static let suffix = ".task.json"
    /// Largest task file that is read, in bytes: a task of 100,000 files takes about 20 MiB.
    package static let mostBytes = 64 << 20
    /// Endings of error files beside a failed task's file.
    package static let errorSuffixes = [".bterr", ".obserr", ".cdnerr"]

    package func directory(_ side: TaskSide, _ state: TaskState) -> String {
        "\(root)/\(side.rawValue)/\(state.rawValue)"
    }

    package func path(_ side: TaskSide, _ state: TaskState, _ name: String) -> String {
        "\(directory(side, state))/\(name)"
    }

    /// Creates all directories.
    package func make() throws(FileFailure) {
        for side in TaskSide.allCases {
            for state in TaskState.all(of: side) { try PathFiles.makeDirectory(directory(side, state)) }
        }
        try PathFiles.makeDirectory("\(root)/transfer")
    }

    /// Whether a name is a valid task file name: one path component of acceptable length with the right ending, not
    /// hidden.
    package static func isTaskName(_ name: String) -> Bool {
        name.hasSuffix(suffix) && name.utf8.count > suffix.utf8.count && name.utf8.count <= 255
            && !name.hasPrefix(".") && !name.utf8.contains(0x2f) && !name.utf8.contains(0)
    }

    /// The names of the task files in a directory, in order of arrival. Links, directories, FIFOs and other special
    /// files are ignored.
    package func list(_ side: TaskSide, _ state: TaskState) -> [String] {
        let directory = directory(side, state)
        return PathFiles.names(in: directory).filter(Self.isTaskName)
            .compactMap { name -> (name: String, time: Int64)? in
                guard let status = PathFiles.status("\(directory)/\(name)"), status.kind == .file else { return nil }
                return (name, status.changed)
            }
            .sorted { $0.time != $1.time ? $0.time < $1.time : $0.name < $1.name }
            .map(\.name)
    }

    package func contains(_ side: TaskSide, _ state: TaskState, _ name: String) -> Bool {
        Self.isTaskName(name) && PathFiles.status(path(side, state, name))?.kind == .file
    }

    /// The first of `states` that contains the task.
    package func locate(_ side: TaskSide, _ name: String, in states: [TaskState]) -> TaskState? {
        states.first { contains(side, $0, name) }
    }

    package func read(_ side: TaskSide, _ state: TaskState, _ name: String) throws(FileFailure) -> [UInt8] {
        try PathFiles.read(path(side, state, name), limit: Self.mostBytes)
    }

    /// Rewrites a task's file in its current place, atomically.
    package func write(_ bytes: [UInt8], _ side: TaskSide, _ state: TaskState, _ name: String) throws(FileFailure) {
        // The file may contain keys of an object store.
        try PathFiles.write(bytes, to: path(side, state, name), mode: 0o640)
    }

    /// - Throws: only when the task is still in its state.
    package func move(_ name: String, _ side: TaskSide, from: TaskState, to: TaskState) throws(FileFailure) {
        let durability = try PathFiles.move(path(side, from, name), to: path(side, to, name), layer: layer)
        if case .uncertain(let failure) = durability { uncertain(failure) }
    }

    /// Removes a task's file from a state, with its error files.
    package func remove(_ name: String, _ side: TaskSide, from state: TaskState) {
        let path = path(side, state, name)
        PathFiles.removeFile(path)
        for suffix in Self.errorSuffixes { PathFiles.removeFile(path + suffix) }
    }

    /// Moves a task to `failed`. The details are written first, so that they are there when the task is seen.
    package func fail(_ name: String, _ side: TaskSide, from: TaskState, details: String, suffix: String)
        throws(FileFailure)
    {
        let target = path(side, .failed, name)
        for other in Self.errorSuffixes where other != suffix { PathFiles.removeFile(target + other) }
        try PathFiles.write(Array((details + "\n").utf8), to: target + suffix)
        try move(name, side, from: from, to: .failed)
    }

    /// The details of a failed task.
    package func failure(_ name: String, _ side: TaskSide) -> String? {
        for suffix in Self.errorSuffixes {
            if let bytes = try? PathFiles.read(path(side, .failed, name) + suffix, limit: 1 << 20) {
                return String(decoding: bytes, as: UTF8.self).trimmed
            }
        }
        return nil
    }

    /// `.bterr`, `.obserr` or `.cdnerr` for bt, obs and cdn.
    package static func errorSuffix(_ method: String) -> String { ".\(method)err" }
}

extension String {
    /// Without white space at its ends.
    var trimmed: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text.drop { $0.isWhitespace })
    }
}
