import Metainfo
import Storage
import Synchronization
import TestFileLayers
import TestSupport
import Testing
import Text

@Suite("Serving while publishing") struct MovingTests {
    @Test(arguments: [false, true])
    func `content is read without a break while it moves to its place`(intoExisting: Bool) throws {
        let disk = try Disk(.real)
        let sample = try Sample.directory((0..<300).map { ("d\($0 % 20)/f\($0)", 100) }, version: .v1)
        if intoExisting { try disk.put([1], "content/mine") }
        try Self.readWhilePublishing(sample, on: disk)
        #expect(disk.holds(sample))
    }

    /// The same with content so small that most reads meet the first and the last step of the move.
    @Test(arguments: [false, true])
    func `content is read without a break when its move begins and ends`(intoExisting: Bool) throws {
        let sample = try Sample.directory((0..<4).map { ("d\($0)/f", 100) }, version: .v1)
        for _ in 0..<150 {
            let disk = try Disk(.memory)
            if intoExisting { try disk.put([1], "content/mine") }
            try Self.readWhilePublishing(sample, on: disk)
        }
    }

    private static func readWhilePublishing(_ sample: Sample, on disk: Disk) throws {
        let download = try disk.download(sample)
        guard case .incomplete(let files, _) = try download.prepare(hashes: sample.hashes) else { return }
        try files.writeAll(sample)
        let isOver = Atomic(false)
        Parallelism.threads(2).perform(2) { worker in
            if worker == 1 {
                #expect(throws: Never.self) { try download.publish(sample.everything) }
                isOver.store(true, ordering: .relaxed)
            } else {
                var random = SeededGenerator(seed: 3)
                repeat {
                    // Nothing cached: each file is looked for where it is just now.
                    files.close()
                    for _ in 0..<20 {
                        let index = Int.random(in: sample.pieces.indices, using: &random)
                        let begin = Int.random(in: 0..<sample.pieces[index].count - 100, using: &random)
                        #expect(throws: Never.self) {
                            let bytes = try files.bytes(sample, index, begin..<begin + 100)
                            #expect(bytes == Array(sample.pieces[index][begin..<begin + 100]))
                        }
                    }
                } while !isOver.load(ordering: .relaxed)
            }
        }
    }

    /// At each step of a read, a publication gets as far as each of its own steps.
    @Test(arguments: [false, true])
    func `a read that began before a publication ends well wherever the publication is by then`(
        intoExisting: Bool
    ) throws {
        let sample = try Sample.directory(version: .v1)
        var steps = 0
        var isInterrupted = true
        while isInterrupted {
            var stop = 0
            var isPublished = false
            while isInterrupted, !isPublished {
                let disk = try Disk(.memory)
                if intoExisting { try disk.put([1], "content/mine") }
                let layer = FaultyFileLayer(disk.layer)
                let download = try disk.download(sample, layer: layer)
                guard case .incomplete(let files, _) = try download.prepare(hashes: sample.hashes) else { return }
                try files.writeAll(sample)
                files.close()
                let outcome = Mutex<Bool?>(nil)
                layer.interrupt(afterCalls: steps) { [stop] in
                    layer.fail([.rename, .remove, .synchronize, .makeDirectory], with: 5, afterCalls: stop)
                    let path = try? download.publish(sample.everything)
                    layer.heal()
                    outcome.withLock { $0 = path != nil }
                }
                let point = "step \(steps) of the read, \(stop) of the publication"
                #expect(throws: Never.self, "\(point)") {
                    for index in sample.pieces.indices {
                        let bytes = try files.bytes(sample, index)
                        #expect(bytes == sample.pieces[index], "\(point)")
                    }
                }
                let result = outcome.withLock { $0 }
                isInterrupted = result != nil
                isPublished = result ?? false
                stop += 1
            }
            steps += 1
        }
        #expect(steps > 10)
    }
}
