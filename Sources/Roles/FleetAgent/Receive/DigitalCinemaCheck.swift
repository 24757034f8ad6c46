import Crypto
import Files
import Glibc
import Jobs
import S3
import Text

/// Checks a digital cinema package against its asset map (SMPTE 429-9) and packing lists (SMPTE 429-8). Reads all
/// files. Blocks.
package enum DigitalCinemaCheck {
    /// A problem of one file.
    package struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// Relative to the package's directory.
        package let file: String
        package let reason: String

        package var description: String { "\(DisplayName.escape(file)): \(reason)" }
    }

    private static let limits: S3Limits = {
        var limits = S3Limits()
        limits.answerBytes = 16 << 20
        return limits
    }()

    /// The problems of the package in a directory; at most 100.
    package static func problems(of directory: String) -> [Problem] {
        let names = ["ASSETMAP.xml", "ASSETMAP"]
        guard let name = names.first(where: { PathFiles.status("\(directory)/\($0)")?.kind == .file }) else {
            return [Problem(file: names[0], reason: "is missing: this is no digital cinema package")]
        }
        let map: AnswerElement
        switch read("\(directory)/\(name)") {
        case .success(let element) where element.name == "AssetMap": map = element
        case .success: return [Problem(file: name, reason: "is no asset map")]
        case .failure(let problem): return [Problem(file: name, reason: problem.reason)]
        }
        var problems: [Problem] = []
        var paths: [String: String] = [:]
        var lists: [String] = []
        for asset in map.children.first(where: { $0.name == "AssetList" })?.all("Asset") ?? [] {
            let id = asset["Id"].map(identity) ?? ""
            let chunks = asset.children.first { $0.name == "ChunkList" }?.all("Chunk") ?? []
            guard let chunk = chunks.first, chunks.count == 1, var path = chunk["Path"]?.trimmingBlanks else {
                problems.append(Problem(file: name, reason: "the asset \(DisplayName.escape(id)) is not one file"))
                continue
            }
            if path.hasPrefix("file:///") { path.removeFirst(8) }
            guard AbsolutePath.isRelative(path) else {
                problems.append(
                    Problem(file: name, reason: "the asset \(DisplayName.escape(id)) has no path in the package"))
                continue
            }
            guard let status = PathFiles.status("\(directory)/\(path)"), status.kind == .file else {
                problems.append(Problem(file: path, reason: "is missing; the asset map has it"))
                continue
            }
            if let length = chunk["Length"].flatMap({ Int64($0.trimmingBlanks) }), length != status.size {
                problems.append(Problem(file: path, reason: "has \(status.size) bytes; the asset map says \(length)"))
            }
            paths[id] = path
            if let marked = asset.children.first(where: { $0.name == "PackingList" }),
                marked.text.trimmingBlanks.lowercased() != "false"
            {
                lists.append(path)
            }
        }
        if lists.isEmpty, problems.isEmpty { problems.append(Problem(file: name, reason: "names no packing list")) }
        for list in lists { problems += self.problems(ofList: list, in: directory, paths) }
        return Array(problems.prefix(100))
    }

    private static func problems(ofList list: String, in directory: String, _ paths: [String: String]) -> [Problem] {
        let root: AnswerElement
        switch read("\(directory)/\(list)") {
        case .success(let element) where element.name == "PackingList": root = element
        case .success: return [Problem(file: list, reason: "is no packing list")]
        case .failure(let problem): return [Problem(file: list, reason: problem.reason)]
        }
        var problems: [Problem] = []
        for asset in root.children.first(where: { $0.name == "AssetList" })?.all("Asset") ?? [] {
            let id = asset["Id"].map(identity) ?? ""
            guard let path = paths[id] else {
                problems.append(
                    Problem(
                        file: list, reason: "the asset \(DisplayName.escape(id)) is not in the asset map, or missing"))
                continue
            }
            guard let wanted = asset["Hash"].flatMap({ Base64.decode($0.trimmingBlanks) }), wanted.count == 20 else {
                problems.append(Problem(file: list, reason: "the asset \(DisplayName.escape(id)) has no SHA-1"))
                continue
            }
            let status = PathFiles.status("\(directory)/\(path)")
            if let size = asset["Size"].flatMap({ Int64($0.trimmingBlanks) }), status?.size != size {
                problems.append(
                    Problem(file: path, reason: "has \(status?.size ?? 0) bytes; the packing list says \(size)"))
                continue
            }
            guard let digest = digest("\(directory)/\(path)") else {
                problems.append(Problem(file: path, reason: "cannot be read"))
                continue
            }
            if digest != wanted {
                problems.append(Problem(file: path, reason: "is not what the packing list's SHA-1 says"))
            }
        }
        return problems
    }

    private struct Unreadable: Error { let reason: String }

    private static func read(_ path: String) -> Result<AnswerElement, Unreadable> {
        let bytes: [UInt8]
        do throws(FileFailure) { bytes = try PathFiles.read(path, limit: 16 << 20) } catch {
            return .failure(Unreadable(reason: "cannot be read: \(SystemError(error.number))"))
        }
        do throws(S3AnswerError) { return .success(try AnswerReader.read(bytes, limits: limits)) } catch {
            return .failure(Unreadable(reason: "is no XML that a package has"))
        }
    }

    /// Normalizes an id, `urn:uuid:…`, for comparison.
    private static func identity(_ text: String) -> String { text.trimmingBlanks.lowercased() }

    private static func digest(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        var function = Insecure.SHA1()
        var block = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = block.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return Array(function.finalize()) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            block.withUnsafeBytes { function.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }
}
