import Jobs
import Policy
import TestSupport
import Testing

@Suite("The record of what was checked")
struct CheckRecordTests {
    private func job(_ count: Int, at place: String) -> Job {
        let files = (0..<count).map { JobFile(path: "f\($0)", size: 1, digest: nil) }
        return Job(
            name: "film", files: files, isSingleFile: false, torrents: JobTorrents(),
            plan: DeliveryPlan(
                sizes: files.map(\.size), homes: files.map { _ in .cdn }, torrentFiles: [], usable: [.cdn]),
            places: JobPlaces(
                incoming: place, work: place + "/.work", final: nil, staging: OwnTree(path: place)), sources: .none)
    }

    @Test
    func `each file is a line added to the list, not the list written anew`() throws {
        let place = try TemporaryDirectory()
        let (path, job) = (place.path + "/verified", job(300, at: place.path))
        for index in 0..<300 { try place.write("f\(index)", [1]) }
        var files = CheckRecord(path: path)
        files.note(0, at: place.path + "/f0")
        let first = try #require(PathFiles.status(path))
        for index in 1..<300 { files.note(index, at: place.path + "/f\(index)") }
        files.forget(7)
        #expect(PathFiles.status(path)?.inode == first.inode)
        func right() -> Set<Int> { CheckRecord(path: path).stillRight(job) }
        #expect(right() == Set(0..<300).subtracting([7]))
        // A crash in the middle of a line costs that line, and nothing is written behind it.
        let bytes = try #require(place.read("verified"))
        try place.write("verified", bytes + Array("7 1 2".utf8))
        var again = CheckRecord(path: path)
        again.note(7, at: place.path + "/f7")
        #expect(right() == Set(0..<300))
        try place.write("f9", [2, 2])
        #expect(right() == Set(0..<300).subtracting([9]))
    }

    private func publication(_ place: TemporaryDirectory) -> Publication {
        Publication(
            incoming: place.path + "/in", final: place.path + "/final", marker: place.path + "/final.finished",
            record: place.path + "/verified", staging: OwnTree(path: place.path), machine: .local)
    }

    @Test
    func `all of the content is a line after those of its files; a later line of any file takes it back`() throws {
        let place = try TemporaryDirectory()
        let (path, job, publication) = (place.path + "/verified", job(2, at: place.path + "/in"), publication(place))
        for index in 0..<2 { try place.write("in/f\(index)", [1]) }
        var files = CheckRecord(path: path)
        for index in 0..<2 { files.note(index, at: place.path + "/in/f\(index)") }
        try publication.recordChecked()
        #expect(publication.standing() == .checked)
        #expect(CheckRecord(path: path).stillRight(job) == [0, 1])
        #expect(place.names(".") == ["in", "verified"])
        var again = CheckRecord(path: path)
        again.forget(1)
        #expect(publication.standing() == .unchecked)
        #expect(CheckRecord(path: path).stillRight(job) == [0])
        again.note(1, at: place.path + "/in/f1")
        #expect(publication.standing() == .unchecked)
        try publication.recordChecked()
        publication.forgetChecked()
        #expect(publication.standing() == .unchecked)
        #expect(CheckRecord(path: path).stillRight(job) == [0, 1])
    }

    @Test
    func `what earlier versions kept in two files is read, and becomes one`() throws {
        let place = try TemporaryDirectory()
        let (path, job, publication) = (place.path + "/verified", job(1, at: place.path + "/in"), publication(place))
        try place.write("in/f0", [1])
        let file = try #require(PathFiles.status(place.path + "/in/f0"))
        let all = try #require(PathFiles.status(place.path + "/in"))
        try place.write(
            "verified",
            Array("swoop verified files 1\n0 1 \(file.device) \(file.inode) \(file.modified)\n".utf8))
        try place.write("checked", Array("\(all.device) \(all.inode) \(all.modified)\n".utf8))
        #expect(publication.standing() == .checked)
        #expect(CheckRecord(path: path).stillRight(job) == [0])
        try publication.recordChecked()
        #expect(!place.exists("checked"))
        #expect(publication.standing() == .checked)
        #expect(CheckRecord(path: path).stillRight(job) == [0])
        // The note of the whole alone.
        try place.write("verified", [])
        try place.write("checked", Array("bucket".utf8))
        #expect(publication.standing() == .checked)
        publication.forgetChecked()
        #expect(publication.standing() == .unchecked)
    }
}
