import BFT
import Testing

@Suite struct ReplyTests {
    private func request(_ text: String) throws(APIRequest.Failure) -> APIRequest {
        try APIRequest.parse(Array(text.utf8))
    }

    @Test func `the seed's request is read`() throws {
        let call = try request(
            #"{"message_id":"321","message_type":"request","message_source":"tms","method_name":"send","method_params":{"taskfile":"/data/sender/tmp/cfec-001-xiaofang.task.json","reactive":"true"}}"#
        )
        #expect(call.messageID == "321")
        #expect(call.method == "send")
        #expect(call.text("taskfile") == "/data/sender/tmp/cfec-001-xiaofang.task.json")
        #expect(call.flag("reactive") == .value(true))
        #expect(call.flag("other") == .missing)
    }

    @Test func `flags may be missing or wrong`() throws {
        let call = try request(#"{"method_params":{"a":"","b":"maybe","c":0,"d":false,"e":"1"}}"#)
        #expect(call.flag("a") == .missing)
        #expect(call.flag("b") == .invalid)
        #expect(call.flag("c") == .value(false))
        #expect(call.flag("d") == .value(false))
        #expect(call.flag("e") == .value(true))
        #expect(call.givenText("a") == nil)
    }

    @Test(arguments: ["", "x", "[]", "{\"a\":1,}", "{\"method_name\":5}", "{\"method_params\":[]}", "5", "null"])
    func `what is no call is refused`(text: String) {
        #expect(throws: APIRequest.Failure.self) { try request(text) }
    }

    @Test func `a refusal knows the ID where it could be read`() {
        #expect {
            try request(#"{"message_id":"7","method_params":[]}"#)
        } throws: { ($0 as? APIRequest.Failure)?.messageID == "7" }
    }

    @Test func `a body over the limit or too deep is refused`() {
        #expect(throws: APIRequest.Failure.self) { try APIRequest.parse([UInt8](repeating: 0x20, count: 1 << 21)) }
        #expect(throws: APIRequest.Failure.self) {
            try request(#"{"method_params":"# + String(repeating: "[", count: 99))
        }
    }

    @Test func `a reply has both spellings of the ID`() throws {
        let call = try request(#"{"message_id":321,"method_name":"cancel"}"#)
        let reply = String(decoding: APIReply.success("succeed!").encode(for: call), as: UTF8.self)
        #expect(
            reply
                == #"{"request_message_id":321,"reqest_message_id":321,"message_type":"response","method_name":"cancel","return_status":"true","return_content":{"desc":"succeed!"}}"#
        )
    }

    @Test func `the texts are the seed's to the byte`() {
        let task = "/data/sender/tmp/cfec-001-xiaofang.task.json"
        let texts = [
            (
                ReplyText.waitForTask(torrent: "A.torrent", tmpTorrent: "B-tmp.torrent", taskFile: "C.task.json"),
                "please wait until A.torrent, B-tmp.torrent and C.task.json all are finished."
            ),
            (
                ReplyText.waitForTask(torrent: "A.torrent", tmpTorrent: nil, taskFile: "C.task.json"),
                "please wait until A.torrent and C.task.json all are finished."
            ),
            (ReplyText.succeeded, "succeeded!"),
            (ReplyText.restartedSameName, "restarted same name bt process, succeed!"),
            (
                ReplyText.succeedAfterTorrent("A.torrent"),
                "succeed, but the torrent is generating, please wait until A.torrent is finished."
            ),
            (ReplyText.succeed, "succeed!"),
            (
                ReplyText.reactivatedCacher(taskFileName: "cfec-001-xiaofang.task.json"),
                "reactive cacher bt seeding with taskfile:cfec-001-xiaofang.task.json"
            ),
            (ReplyText.downloadedAgain, "same name task downloaded, to download again."),
            (ReplyText.allLocal, "all localsamefiles existed copy and finished, succeed!"),
            (
                ReplyText.downloadedAndAllLocal,
                "same name task downloaded, all localsamefiles existed copy and finished, succeed!"
            ),
            (ReplyText.nothingToCancel(taskFileName: "x.task.json"), "no need to cancel, not found task: x.task.json"),
            (ReplyText.reloaded, "reload config.json ok."),
            (ReplyText.living(time: "2021-05-28 22:32:26"), "2021-05-28 22:32:26 is living."),
            (GenerationFailureText.noTaskFile, "error, please provide taskfile path."),
            (GenerationFailureText.noContent("/d/x"), "error, not exist dcp path: /d/x."),
            (GenerationFailureText.sameTorrent("/d/x.torrent"), "same torrent process is generating:/d/x.torrent"),
            (GenerationFailureText.makingSeed, "process making seed"),
            (GenerationFailureText.notMade, "no make seed process and not found task.json."),
            (GenerationFailureText.queriedContentMissing("/d/x"), "not exist /d/x"),
            (GenerationFailureText.queriedTaskUnreadable("/t"), "open json file error: /t"),
            (SendFailureText.cannotOpen(task), "open json file error:open \(task): no such file or directory"),
            (SendFailureText.invalidFormat(task), "invalid json format:\(task)"),
            (SendFailureText.cannotCopy("/tmp/t"), "copy taskfile: /tmp/t error."),
            (SendFailureText.sameInQueues("/q"), "same taskfile in queues:/q"),
            (SendFailureText.sameInUploading("/u"), "same taskfile in uploading:/u"),
            (
                SendFailureText.noTorrent("/d/x.torrent"),
                "not found torrent:/d/x.torrent pls re generate task and torrent."
            ),
            (
                SendFailureText.restartFailed(torrent: "x.torrent", taskFileName: "t"),
                "restart bt serving failed: x.torrent in t"
            ),
            (
                SendFailureText.sameNameSeeding(torrent: "x.torrent", taskFileName: "t"),
                "exisited same name ct torrent bt process, send task failed: x.torrent in t"
            ),
            (SendFailureText.reactiveInvalid, "reactive parameter input error"),
            (SendFailureText.sendsSameInQueues("/q"), "same task in queues:/q"),
            (SendFailureText.sendsSameInUploading("/u"), "same task in uploading:/u"),
            (RecvFailureText.filesAreEmpty("/t"), "total files size equal 0 :/t"),
            (RecvFailureText.sameInDownloading("/t"), "same taskfile in downloading:/t"),
            (RecvFailureText.sameInDownloaded("/t"), "same taskfile in downloaded:/t"),
            (RecvFailureText.cannotMove(to: "/data/receiver/tmp"), "move json file to /data/receiver/tmp erro"),
            (RecvFailureText.remainingListsDiffer("/t"), "totalsize != all lists2 sum + localsamesize : /t"),
            (RecvFailureText.listsDiffer("/t"), "totalsize != all lists sum : /t"),
            (RecvFailureText.sizeIsZero, "total files size equal 0"),
            (RecvFailureText.noTorrent(url: "http://a"), "could not download torrent from http://a"),
            (RecvFailureText.noTmpURL, "need tmptorrent and found bt.tmpurl is empty."),
            (RecvFailureText.noTmpTorrent(url: "http://a"), "could not download tmptorrent from http://a"),
            (
                RecvFailureText.torrentDiffers(url: "http://a"),
                "taskfile btlist is not equal torrent content, check taskfile or tmp torrent: http://a"
            ),
            (ProgressFailureText.unknownTask, "unknown task, not found task."),
            (ProgressFailureText.cannotOpen("/t"), "open dir error:open /t : no such file or directory"),
            (ProgressFailureText.useCProgress, "do not support cacher type progress, change method_name to cprogress"),
            (ProgressFailureText.inQueues, "task in queues, no progress now."),
        ]
        for (text, expected) in texts { #expect(text == expected) }
    }
}
