import Jobs
import Policy
import TestSupport
import Testing

@Suite("Files that were found right")
struct VerifiedFilesTests {
    private func job(_ count: Int, at place: String) -> Job {
        let files = (0..<count).map { JobFile(path: "f\($0)", size: 1, digest: nil) }
        return Job(
            name: "film", files: files, isSingleFile: false, torrents: JobTorrents(),
            plan: DeliveryPlan(
                sizes: files.map(\.size), homes: files.map { _ in .cdn }, torrentFiles: [], usable: [.cdn]),
            places: JobPlaces(
                incoming: place, work: place + "/.work", final: nil, staging: OwnTree(path: place)), sources: .none)
    }

    @Test("each is a line added to the list, not the list written anew")
    func appended() throws {
        let place = try TemporaryDirectory()
        let (path, job) = (place.path + "/verified", job(300, at: place.path))
        for index in 0..<300 { try place.write("f\(index)", [1]) }
        var files = VerifiedFiles(path: path)
        files.note(0, at: place.path + "/f0")
        let first = try #require(PathFiles.status(path))
        for index in 1..<300 { files.note(index, at: place.path + "/f\(index)") }
        files.forget(7)
        #expect(PathFiles.status(path)?.inode == first.inode)
        func right() -> Set<Int> { VerifiedFiles(path: path).stillRight(job) }
        #expect(right() == Set(0..<300).subtracting([7]))
        // A crash in the middle of a line costs that line, and nothing is written behind it.
        let bytes = try #require(place.read("verified"))
        try place.write("verified", bytes + Array("7 1 2".utf8))
        var again = VerifiedFiles(path: path)
        again.note(7, at: place.path + "/f7")
        #expect(right() == Set(0..<300))
        try place.write("f9", [2, 2])
        #expect(right() == Set(0..<300).subtracting([9]))
    }
}
