import Files
import Glibc
import Jobs
import TestFileLayers
import TestSupport
import Testing

@Suite struct `A move of a file` {
    @Test func `is durable when both directories were synced`() throws {
        let place = try TemporaryDirectory()
        try place.write("a/x", [1])
        _ = try place.directory("b")
        let layer = FaultyFileLayer()
        let durability = try PathFiles.move(place.path + "/a/x", to: place.path + "/b/y", layer: layer)
        #expect(durability == .durable)
        #expect(layer.count(of: .synchronize) == 2)
        #expect(place.read("b/y") == [1] && !place.exists("a/x"))
    }

    @Test(arguments: [0, 1]) func `was made even if a directory cannot be synced, and says so`(synced: Int) throws {
        let place = try TemporaryDirectory()
        try place.write("a/x", [1])
        _ = try place.directory("b")
        let layer = FaultyFileLayer()
        layer.fail([.synchronize], with: EIO, afterCalls: synced)
        let durability = try PathFiles.move(place.path + "/a/x", to: place.path + "/b/y", layer: layer)
        #expect(place.read("b/y") == [1] && !place.exists("a/x"))
        let failure = #expect(throws: FileFailure.self) { try durability.confirm() }
        #expect(failure?.number == EIO)
    }

    @Test func `that could not be made is an error, and the file is where it was`() throws {
        let place = try TemporaryDirectory()
        try place.write("a/x", [1])
        _ = try place.directory("b")
        let layer = FaultyFileLayer()
        layer.fail([.rename], with: EROFS)
        let failure = #expect(throws: FileFailure.self) {
            _ = try PathFiles.move(place.path + "/a/x", to: place.path + "/b/y", layer: layer)
        }
        #expect(failure?.number == EROFS && failure?.operation == "move")
        #expect(place.read("a/x") == [1] && !place.exists("b/y"))
    }
}
