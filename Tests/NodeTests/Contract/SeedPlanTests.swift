import BFT
import Foundation
import JSON
import Node
import TestSupport
import Testing

/// The test plans of the deployed system (testapi, testapi2, repeated), step by step, with its names.
@Suite("Plans of the deployed system", .serialized, .timeLimit(.minutes(2)))
struct SeedPlanTests {
    let web: TestServer
    let sender: ServedNode
    private static let zds = "zds_3d_ADV_F_CMN-CMN_CN-G_20-CMN_2K_20160827__i3D_OV"
    private static let xiaofang = "cfec-002-xiaofang.task.json"

    init() async throws {
        let web = try TestServer()
        self.web = web
        sender = try await ServedNode.start(.sender, server: web) {
            $0.baseSubdirectory = try? TaskSubdirectory("cfec-001")
        }
        web.state.withLock { [sender] in $0.root = sender.test.configuration.baseDataPath }
        try sender.makeContent("xiaofang", seed: 1, subdirectory: "cfec-002")
        try sender.makeContent("xiaofang2", seed: 2)
        try sender.makeContent("xiaofang4", seed: 4)
        try sender.makeContent(Self.zds, files: [1_778, 933_597, 86_231, 155, 1_014, 1_453], seed: 9)
    }

    /// testapi, on the sender.
    private func testapi() async throws {
        // A, B: the task of xiaofang.
        try await sender.generate("xiaofang", "1:1:1", subdirectory: "cfec-002")
        // C, case0-1.
        for (name, shares) in [("xiaofang2", "1:1:0"), ("xiaofang4", "1:1:1")] {
            let four = sender.recipe("xiaofang4", "1:1:1", policy: "priortime")
            if name == "xiaofang2" {
                let none = try await sender.call("taskfilesquery", four)
                #expect(none.succeeded)
                #expect(none.content["status"] == "unfinished")
            }
            let begun = try await sender.call("gentask", sender.recipe(name, shares, policy: "priortime"))
            #expect(begun.succeeded)
        }
        #expect(try await !sender.call("gentask", sender.recipe("xiaofang-nonexists")).succeeded)
        #expect(try await !sender.call("taskfilesquery", sender.recipe("xiaofang-nonexists")).succeeded)
        for name in ["xiaofang2", "xiaofang4"] {
            try await until("\(name) is made") {
                try await sender.call("taskfilesquery", sender.recipe(name)).content["status"] == "finished"
            }
        }
        // case0-2.
        let task: JSONValue = .string("\(sender.data)/sender/tmp/\(Self.xiaofang)")
        #expect(try await sender.call("send", ["taskfile": task, "reactive": "true"]).succeeded)
        try await until("xiaofang is ready") {
            try await sender.call("uploadprogress", ["taskfile": .string(Self.xiaofang)]).content["status"] == "ready"
        }
        // send took the file away with it.
        let sent: JSONValue = .string("\(sender.data)/sender/uploaded/\(Self.xiaofang)")
        #expect(try await sender.call("send", ["taskfile": sent, "reactive": "true"]).succeeded)
        try await until("xiaofang is ready again") {
            try await sender.call("uploadprogress", ["taskfile": .string(Self.xiaofang)]).content["status"] == "ready"
        }
        #expect(try await !sender.call("send", ["taskfile": sent, "reactive": "false"]).succeeded)
        #expect(try await !sender.call("uploadprogress", ["taskfile": "cfec-001-nonexists.task.json"]).succeeded)
        // D, E.
        #expect(sender.place.exists("data/sender/uploaded/\(Self.xiaofang)"))
        _ = try await sender.publish(Self.zds, "1:1:1")
        for name in ["xiaofang2", "xiaofang4"] {
            let task: JSONValue = .string("\(sender.data)/sender/tmp/cfec-001-\(name).task.json")
            #expect(try await sender.call("send", ["taskfile": task]).succeeded)
            try await until("\(name) is ready") {
                try await sender.call("uploadprogress", ["taskfile": .string("cfec-001-\(name).task.json")])
                    .content["status"] == "ready"
            }
        }
    }

    private func recv(_ receiver: ServedNode, _ file: String) async throws -> ServedNode.Answer {
        try await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
    }

    private func expectCopy(_ receiver: ServedNode, _ name: String, subdirectory: String = "cfec-001") {
        let source = "dcp/\(subdirectory)/dcps/\(name)"
        let files = sender.place.names(source)
        #expect(receiver.place.names("dcp/\(name)") == files)
        for file in files {
            #expect(receiver.place.read("dcp/\(name)/\(file)") == sender.place.read("\(source)/\(file)"), "\(file)")
        }
        #expect(receiver.place.exists("dcp/\(name).finished"))
    }

    /// testapi2, on the receiver.
    private func testapi2(_ receiver: ServedNode) async throws {
        // A: nothing to cancel. C, case2.
        _ = try await receiver.call("cancel", ["taskfile": .string(Self.xiaofang)])
        web.state.withLock { $0.rate = 400_000 }
        #expect(try await recv(receiver, Self.xiaofang).succeeded)
        let none: JSONObject = ["taskfile": .string("\(receiver.data)/receiver/tmp/cfec-001-nonexists.task.json")]
        #expect(try await !receiver.call("recv", none).succeeded)
        // 5.3 once more: cancelled first, since it is under way.
        _ = try await receiver.call("cancel", ["taskfile": .string(Self.xiaofang)])
        #expect(try await recv(receiver, Self.xiaofang).succeeded)
        // D, case3: nothing of it was here.
        try await until("it begins") { try await receiver.progress(Self.xiaofang)["localsamepercent"] != nil }
        #expect(try await receiver.progress(Self.xiaofang)["localsamepercent"] == "0.000%")
        // E.
        web.state.withLock { $0.rate = nil }
        try await receiver.downloaded(Self.xiaofang)
        // F, case4; G, case5.
        for _ in 0..<2 {
            let again = try await recv(receiver, Self.xiaofang)
            #expect(again.succeeded)
            #expect(again.desc == "same name task downloaded, all localsamefiles existed copy and finished, succeed!")
            #expect(try await !receiver.call("recv", none).succeeded)
            // H, case6.
            try await until("it begins") { try await receiver.progress(Self.xiaofang)["localsamepercent"] != nil }
            #expect(try await receiver.progress(Self.xiaofang)["localsamepercent"] == "100.000%")
            try await receiver.downloaded(Self.xiaofang)
        }
        // I.
        expectCopy(receiver, "xiaofang", subdirectory: "cfec-002")
        // J, case7: the others at once.
        for name in ["xiaofang2", "xiaofang4", Self.zds] {
            #expect(try await recv(receiver, "cfec-001-\(name).task.json").succeeded)
        }
        for name in ["xiaofang2", "xiaofang4", Self.zds] {
            try await receiver.downloaded("cfec-001-\(name).task.json")
            expectCopy(receiver, name)
        }
    }

    @Test
    func `testapi and testapi2`() async throws {
        try await testapi()
        let receiver = try await ServedNode.start(.receiver, server: web)
        try await testapi2(receiver)
        await receiver.stop()
        await sender.stop()
    }

    @Test
    func `repeated: what is here is copied; what someone took out of the table of hashes comes again`() async throws {
        try await testapi()
        let receiver = try await ServedNode.start(.receiver, server: web)
        let file = "cfec-001-\(Self.zds).task.json"
        #expect(try await recv(receiver, file).desc == "succeed!")
        try await receiver.downloaded(file)
        // A.
        let before = web.sent("dcp") + web.sent("store")
        #expect(
            try await recv(receiver, file).desc
                == "same name task downloaded, all localsamefiles existed copy and finished, succeed!")
        try await receiver.downloaded(file)
        expectCopy(receiver, Self.zds)
        #expect(web.sent("dcp") + web.sent("store") == before)
        // B: a part of the table goes. What was delivered anew is in it first: a line that was not written yet nobody can
        // have removed, so that it would be written again.
        await receiver.test.settleLibrary()
        let table = String(decoding: try #require(receiver.place.read("hashtable.txt")), as: UTF8.self)
        let kept = table.split(separator: "\n").filter { !$0.hasSuffix("reel1.mxf") && !$0.hasSuffix("reel2.mxf") }
        #expect(kept.count == table.split(separator: "\n").count - 2)
        try receiver.place.write("hashtable.txt", Array((kept.joined(separator: "\n") + "\n").utf8))
        #expect(try await recv(receiver, file).desc == "same name task downloaded, to download again.")
        let progress = try await receiver.downloaded(file)
        let local = thousandths(progress["localsamepercent"]) ?? -1
        #expect(local > 0 && local < 10_000, "\(local)")
        let bytes = try #require(receiver.place.read("data/receiver/downloaded/\(file)"))
        let task = try TaskFile.parse(bytes)
        #expect(Set(task.localSameFiles.map { "\($0)" }).count == 4)
        expectCopy(receiver, Self.zds)
        await receiver.stop()
        await sender.stop()
    }
}
