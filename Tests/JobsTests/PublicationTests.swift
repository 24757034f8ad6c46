import Foundation
import Glibc
import Jobs
import TestSupport
import Testing

/// A directory on a file system in memory, removed at the end.
private final class MemoryPlace {
    let path = "/dev/shm/publication-\(UUID().uuidString.prefix(8))"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Whether it is another file system than that of other tests' directories.
    static var isElsewhere: Bool {
        PathFiles.status("/dev/shm")?.kind == .directory && access("/dev/shm", W_OK) == 0
            && !PathFiles.areOnOneDevice("/dev/shm", NSTemporaryDirectory())
    }
}

@Suite("Publication", .timeLimit(.minutes(1)))
struct PublicationTests {
    private func publication(_ place: TemporaryDirectory) -> Publication {
        Publication(
            incoming: place.path + "/in/film", final: place.path + "/dcp/film",
            marker: place.path + "/dcp/film.finished",
            record: place.path + "/in/verified", staging: OwnTree(path: place.path + "/in"), machine: .local)
    }

    @Test
    func `Content appears in one step, in place of what was there, and a crash at any point is told apart`() throws {
        let place = try TemporaryDirectory()
        let publication = publication(place)
        try place.write("in/film/a", [1])
        try place.write("dcp/film/old", [9])
        #expect(publication.standing() == .unchecked)
        try publication.recordChecked()
        #expect(publication.standing() == .checked)
        try publication.publish()
        #expect(publication.standing() == .published)
        #expect(place.names("dcp/film") == ["a"])
        #expect(place.exists("dcp/film.finished"))
        #expect(!place.exists("in/film"))
        // Once more, as after a crash between the rename and the move of the task file.
        try publication.publish()
        #expect(place.names("dcp/film") == ["a"])
        // Content of another delivery is not taken for this one.
        try FileManager.default.removeItem(atPath: place.path + "/dcp/film")
        try place.write("dcp/film/b", [2])
        #expect(publication.standing() == .unchecked)
    }

    @Test
    func `A crash right after the exchange: the old content is taken away, the new one stays`() throws {
        let place = try TemporaryDirectory()
        let publication = publication(place)
        try place.write("in/film/new", [1])
        try place.write("dcp/film/old", [9])
        try publication.recordChecked()
        try PathFiles.exchange(publication.incoming, with: publication.final)
        #expect(publication.standing() == .published)
        try publication.publish()
        #expect(place.names("dcp/film") == ["new"])
        #expect(!place.exists("in/film"))
        #expect(place.exists("dcp/film.finished"))
    }

    @Test(arguments: ["link", "fifo"])
    func `On a mounted bucket what is no regular file is an error, and is not waited for`(kind: String) throws {
        let place = try TemporaryDirectory()
        let parts = publication(place)
        let publication = Publication(
            incoming: parts.incoming, final: parts.final, marker: parts.marker, record: parts.record,
            staging: parts.staging, machine: .mountedBucket)
        try place.write("kept", [7])
        try place.write("in/film/a", [1])
        try place.write("dcp/film/old", [9])
        let odd = place.path + "/in/film/odd"
        #expect((kind == "link" ? symlink(place.path + "/kept", odd) : mkfifo(odd, 0o600)) == 0)
        try publication.recordChecked()
        #expect(throws: FileFailure.self) { try publication.publish() }
        #expect(!place.exists("dcp/film.finished"))
        #expect(place.read("kept") == [7])
    }

    @Test
    func `On a mounted bucket nothing is written through a link that lies there`() throws {
        let place = try TemporaryDirectory()
        try place.write("kept/a", [7])
        try place.write("in/film/x/a", [1])
        _ = try place.directory("dcp/film")
        try place.makeLink("dcp/film/x", to: place.path + "/kept")
        #expect(throws: FileFailure.self) { try PathTrees.copy(place.path + "/in/film", to: place.path + "/dcp/film") }
        #expect(place.read("kept/a") == [7])
    }

    @Test
    func `On a mounted bucket files are copied and the marker is the commit`() throws {
        let place = try TemporaryDirectory()
        var publication = publication(place)
        publication = Publication(
            incoming: publication.incoming, final: publication.final, marker: publication.marker,
            record: publication.record, staging: publication.staging, machine: .mountedBucket)
        try place.write("in/film/x/a", [1, 2])
        try place.write("dcp/film/old", [9])
        try publication.recordChecked()
        #expect(publication.standing() == .checked)
        try publication.publish()
        #expect(publication.standing() == .published)
        #expect(place.read("dcp/film/x/a") == [1, 2])
        #expect(!place.exists("dcp/film/old"))
    }

    /// - Parameter own: the directory in which the content comes and its record is kept.
    private func onBucket(_ place: TemporaryDirectory, _ own: String = "in") -> Publication {
        Publication(
            incoming: "\(place.path)/\(own)/film", final: place.path + "/dcp/film",
            marker: place.path + "/dcp/film.finished", record: "\(place.path)/\(own)/verified",
            staging: OwnTree(path: "\(place.path)/\(own)"), machine: .mountedBucket)
    }

    @Test
    func `On a mounted bucket a copy that is interrupted has no marker, and its part is removed when it is given up`()
        throws
    {
        let place = try TemporaryDirectory()
        let publication = onBucket(place)
        try place.write("in/film/a", [1])
        try place.write("in/film/b", [2])
        try publication.recordChecked()
        // Before it has begun, what lies there is not a part of it.
        try place.write("dcp/film/old", [9])
        publication.discardPartial()
        #expect(place.exists("dcp/film/old"))
        var blocks = 0
        let failure = #expect(throws: FileFailure.self) {
            try publication.publish {
                blocks += 1
                return blocks > 2
            }
        }
        #expect(failure?.number == ECANCELED)
        #expect(place.exists("dcp/film") && !place.exists("dcp/film.finished"))
        #expect(publication.standing() == .checked)
        publication.discardPartial()
        #expect(!place.exists("dcp/film"))
        #expect(place.names("in/film") == ["a", "b"])
    }

    @Test
    func `On a mounted bucket a copy that was interrupted is made again, and content that is there whole stays`()
        throws
    {
        let place = try TemporaryDirectory()
        let publication = onBucket(place)
        try place.write("in/film/a", [1])
        try publication.recordChecked()
        #expect(throws: FileFailure.self) { try publication.publish { true } }
        try publication.publish()
        #expect(publication.standing() == .published)
        publication.discardPartial()
        #expect(place.read("dcp/film/a") == [1])
        // Once more, as after a crash right after the marker: the staged content is gone already.
        try publication.publish()
        #expect(place.read("dcp/film/a") == [1])
    }

    @Test
    func `On a mounted bucket the marker of other content does not say that this one is there`() throws {
        let place = try TemporaryDirectory()
        let publication = onBucket(place)
        try place.write("in/film/a", [1])
        try place.write("dcp/film/old", [9])
        try place.write("dcp/film.finished", [])
        try publication.recordChecked()
        #expect(publication.standing() == .checked)
        // From its first byte on, nothing says that what lies there is whole.
        #expect(throws: FileFailure.self) { try publication.publish { true } }
        #expect(!place.exists("dcp/film.finished"))
        #expect(publication.standing() == .checked && place.exists("in/film/a"))
        try publication.publish()
        #expect(publication.standing() == .published)
        #expect(place.names("dcp/film") == ["a"] && place.exists("dcp/film.finished"))
    }

    @Test
    func
        `On a mounted bucket content that another job put in place meanwhile is not taken for that of a copy cut short`()
        throws
    {
        let place = try TemporaryDirectory()
        let (first, other) = (onBucket(place), onBucket(place, "other"))
        try place.write("in/film/a", [1])
        try place.write("other/film/b", [2])
        try first.recordChecked()
        #expect(throws: FileFailure.self) { try first.publish { true } }
        try other.recordChecked()
        try other.publish()
        #expect(other.standing() == .published && first.standing() == .checked)
        // Whoever gives the first up leaves the other's content alone.
        first.discardPartial()
        #expect(place.names("dcp/film") == ["b"])
        try first.publish()
        #expect(first.standing() == .published && place.names("dcp/film") == ["a"])
    }

    @Test
    func
        `On a mounted bucket a copy that is whole is published once it has its marker, and removed when given up before`()
        throws
    {
        let place = try TemporaryDirectory()
        let publication = onBucket(place)
        try place.write("in/film/a", [1])
        try publication.recordChecked()
        // A crash between the copy and the marker: the place of the marker cannot be written to.
        #expect(throws: FileFailure.self) {
            try publication.publish {
                _ = try? place.directory("dcp/film.finished")
                return false
            }
        }
        try FileManager.default.removeItem(atPath: place.path + "/dcp/film.finished")
        #expect(publication.standing() == .checked && place.exists("in/film/a"))
        publication.discardPartial()
        #expect(!place.exists("dcp/film"))
        try publication.recordChecked()
        try publication.publish()
        #expect(publication.standing() == .published && place.read("dcp/film/a") == [1])
    }

    /// What comes lies on one file system, its final place on another.
    private func acrossFileSystems(_ place: TemporaryDirectory, _ memory: MemoryPlace) -> Publication {
        Publication(
            incoming: memory.path + "/in/film", final: place.path + "/dcp/film",
            marker: place.path + "/dcp/film.finished", record: place.path + "/verified",
            staging: OwnTree(path: memory.path + "/in"), machine: .local)
    }

    private func fill(_ memory: MemoryPlace) throws {
        try FileManager.default.createDirectory(atPath: memory.path + "/in/film/x", withIntermediateDirectories: true)
        try PathFiles.write([1, 2], to: memory.path + "/in/film/x/a")
        try PathFiles.write([3], to: memory.path + "/in/film/run")
        #expect(chmod(memory.path + "/in/film/run", 0o755) == 0)
    }

    @Test(.enabled(if: MemoryPlace.isElsewhere), arguments: [false, true])
    func `On another file system content is copied there, and appears in one step all the same`(isThere: Bool) throws {
        let (place, memory) = (try TemporaryDirectory(), try MemoryPlace())
        let publication = acrossFileSystems(place, memory)
        try fill(memory)
        if isThere { try place.write("dcp/film/old", [9]) }
        try publication.recordChecked()
        try publication.publish()
        #expect(publication.standing() == .published)
        #expect(place.names("dcp") == ["film", "film.finished"])
        #expect(place.names("dcp/film") == ["run", "x"])
        #expect(place.read("dcp/film/x/a") == [1, 2])
        #expect(PathFiles.mode(place.path + "/dcp/film/run").map { $0 & 0o100 } == 0o100)
        #expect(PathFiles.names(in: memory.path + "/in").isEmpty)
        // Once more, as after a crash right after the step.
        try publication.publish()
        #expect(place.names("dcp/film") == ["run", "x"])
    }

    @Test
    func `A part of a copy that a crash has left is removed when the content is given up`() throws {
        let place = try TemporaryDirectory()
        let publication = publication(place)
        try place.write("dcp/film/old", [9])
        try place.write("dcp/.swoop-publish/film/part", [7])
        try place.write("dcp/.swoop-publish/other/part", [7])
        #expect(publication.hasPartial)
        publication.discardPartial()
        #expect(place.names("dcp/.swoop-publish") == ["other"])
        #expect(place.names("dcp/film") == ["old"])
    }

    @Test(.enabled(if: MemoryPlace.isElsewhere))
    func `On another file system nothing is copied or removed through a link with the name of the copies`() throws {
        let (place, memory) = (try TemporaryDirectory(), try MemoryPlace())
        let publication = acrossFileSystems(place, memory)
        try fill(memory)
        try place.write("kept/film/a", [7])
        _ = try place.directory("dcp")
        try place.makeLink("dcp/.swoop-publish", to: place.path + "/kept")
        try publication.recordChecked()
        #expect(throws: FileFailure.self) { try publication.publish() }
        publication.discardPartial()
        #expect(place.read("kept/film/a") == [7] && place.names("kept/film") == ["a"])
        #expect(!place.exists("dcp/film") && publication.standing() == .checked)
    }

    @Test(.enabled(if: MemoryPlace.isElsewhere))
    func `On another file system an interrupted copy leaves what was there, and nothing of its own`() throws {
        let (place, memory) = (try TemporaryDirectory(), try MemoryPlace())
        let publication = acrossFileSystems(place, memory)
        try fill(memory)
        try place.write("dcp/film/old", [9])
        // What a crash has left of an earlier copy is not taken for a part of this one.
        try place.write("dcp/.swoop-publish/film/odd", [7])
        try publication.recordChecked()
        var blocks = 0
        let failure = #expect(throws: FileFailure.self) {
            try publication.publish {
                blocks += 1
                return blocks > 2
            }
        }
        #expect(failure?.number == ECANCELED)
        #expect(place.names("dcp") == ["film"] && place.names("dcp/film") == ["old"])
        #expect(publication.standing() == .checked)
        try publication.publish()
        #expect(place.names("dcp/film") == ["run", "x"])
    }
}
