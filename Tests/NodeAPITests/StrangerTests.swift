import Admission
import BFT
import Foundation
import Glibc
import HTTPServing
import NIOCore
import NodeAPI
import Policy
import TestSupport
import Testing

@Suite("Strangers at a node's servers", .serialized, .timeLimit(.minutes(2)))
struct StrangerTests {
    private func admission(_ change: (inout AdmissionLimits) -> Void) -> Admission {
        var limits = AdmissionLimits(descriptors: 10_000)
        change(&limits)
        return Admission(limits: limits)
    }

    @Test
    func `twelve hundred silent connections at each door do not keep an honest request waiting`() async throws {
        Crowd.raiseDescriptorLimit()
        try await withDirectory { directory in
            try Data("hello".utf8).write(to: URL(fileURLWithPath: directory + "/a.txt"))
            try await withServer(content: directory) { server async throws in
                let (api, www) = (server.address.port, server.wwwAddress?.port ?? 0)
                let crowds = await Task.detached { [Crowd(1200, to: api), Crowd(1200, to: www)] }.value
                #expect(crowds.allSatisfy { $0.sockets.count == 1200 })
                let clock = ContinuousClock()
                let begun = clock.now
                #expect(try await server.get("/heartbeat").status == 200)
                #expect(try await server.www("GET", "/dcp/a.txt").text == "hello")
                #expect(clock.now - begun < .seconds(3))
                // Whoever was let in last is not let in for nothing: those who were first had to go.
                await until { crowds[0].closed >= 1000 && crowds[1].closed >= 900 }
                #expect(crowds[0].closed >= 1000)
                let page = try await server.get("/metrics").text
                #expect(page.contains("swoop_admission_half_open{door=\"api\"} "))
                #expect(page.contains("swoop_admission_evicted_total "))
            }
        }
    }

    @Test(arguments: [false, true])
    func `a head that comes drop by drop is waited for no longer than a silent one`(afterAnswer: Bool) async throws {
        try await withServer {
            $0.limits.headTime = .seconds(1)
        } _: { server async throws in
            let port = server.address.port
            let first = afterAnswer ? Array("GET /heartbeat HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8) : []
            let crowd = await Task.detached { Crowd(1, to: port, saying: first) }.value
            if afterAnswer {
                // The answer is there: read it, so that what follows is the end.
                let socket = crowd.sockets[0]
                await Task.detached {
                    var chunk = [UInt8](repeating: 0, count: 4096)
                    _ = recv(socket, &chunk, chunk.count, 0)
                }.value
            }
            let clock = ContinuousClock()
            let begun = clock.now
            crowd.say(Array("GET /heartbeat HTTP/1.1\r\n".utf8))
            try await wait(6, for: "the end of patience") {
                crowd.say(Array("X".utf8))
                return crowd.closed > 0
            }
            #expect(clock.now - begun > .milliseconds(500))
        }
    }

    @Test
    func `as many requests are answered at a time as may be, and the next is told when to come again`() async throws {
        let admission = admission {
            $0.requests[.api] = 1
            $0.requests[.files] = 1
        }
        try await withDirectory { directory in
            try Data(repeating: 7, count: 64 << 20).write(to: URL(fileURLWithPath: directory + "/big"))
            try await withServer(content: directory) {
                $0.admission = admission
            } _: { server async throws in
                let (api, www) = (server.address.port, server.wwwAddress?.port ?? 0)
                let host = "Host: localhost\r\n"
                var readers = await Task.detached {
                    [
                        Crowd(
                            1, to: api, saying: Array("POST /recv HTTP/1.1\r\n\(host)Content-Length: 9\r\n\r\n{".utf8)),
                        Crowd(1, to: www, saying: Array("GET /dcp/big HTTP/1.1\r\n\(host)\r\n".utf8)),
                    ]
                }.value
                var answer = try await server.get("/heartbeat")
                await until {
                    answer = (try? await server.get("/heartbeat")) ?? answer
                    return answer.status == 503
                }
                #expect(answer.status == 503)
                #expect(answer.headers["retry-after"] == "1")
                await until {
                    answer = (try? await server.www("GET", "/dcp/big", headers: ["Range: bytes=0-0"])) ?? answer
                    return answer.status == 503
                }
                #expect(answer.status == 503)
                #expect(answer.headers["retry-after"] == "1")
                #expect(readers.count == 2)
                readers = []
                await until {
                    let api = (try? await server.get("/heartbeat"))?.status
                    let www = (try? await server.www("GET", "/dcp/big", headers: ["Range: bytes=0-0"]))?.status
                    return api == 200 && www == 206
                }
                #expect(try await server.www("GET", "/dcp/big", headers: ["Range: bytes=0-0"]).status == 206)
            }
        }
    }

    @Test
    func `readers that do not read hold no bytes of this process, and others are served beside them`() async throws {
        let admission = admission { $0.unsentBytes = 1 << 20 }
        try await withDirectory { directory in
            try Data(repeating: 7, count: 64 << 20).write(to: URL(fileURLWithPath: directory + "/big"))
            try await withServer(content: directory) {
                $0.admission = admission
            } _: { server async throws in
                let www = server.wwwAddress?.port ?? 0
                let ask = Array("GET /dcp/big HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
                var crowd: Crowd? = await Task.detached { Crowd(40, to: www, saying: ask) }.value
                #expect(crowd?.sockets.count == 40)
                await until { admission.figures.requests[.files] == 40 }
                #expect(admission.figures.requests[.files] == 40)
                #expect(admission.figures.unsentBytes == 0)
                let answer = try await server.www("GET", "/dcp/big", headers: ["Range: bytes=0-4999999"])
                #expect(answer.body.count == 5_000_000)
                crowd = nil
                await until { admission.figures.requests[.files] == 0 }
                #expect(admission.figures.requests[.files] == 0)
            }
        }
    }

    @Test(arguments: [EMFILE, ENFILE, ENOMEM])
    func `a server survives that the system has no descriptor for a connection`(number: Int32) async throws {
        try await withServer { server async throws in
            server.api.channel.pipeline.fireErrorCaught(IOError(errnoCode: number, reason: "accept"))
            for _ in 0..<3 { #expect(try await server.get("/heartbeat").status == 200) }
        }
    }
}

@Suite("When a head is due")
struct HeadClockTests {
    @Test
    func `from the connection on, whatever comes of it`() {
        var clock = HeadClock(limit: 10, now: 100)
        #expect(clock.deadline == 110)
        clock.bytesCame(now: 105)
        #expect(clock.deadline == 110)
        clock.headCame()
        #expect(clock.deadline == nil)
    }

    @Test
    func `after an answer from the first byte on; while nothing comes it owes nothing`() {
        var clock = HeadClock(limit: 10, now: 0)
        clock.headCame()
        clock.requestEnded()
        clock.answered(now: 5)
        #expect(clock.deadline == nil)
        clock.bytesCame(now: 50)
        clock.bytesCame(now: 55)
        #expect(clock.deadline == 60)
    }

    @Test
    func `the rest of a request that is answered already is due too`() {
        var clock = HeadClock(limit: 10, now: 0)
        clock.headCame()
        clock.answered(now: 5)
        clock.bytesCame(now: 9)
        #expect(clock.deadline == 15)
        clock.requestEnded()
        #expect(clock.deadline == nil)
    }

    @Test
    func `several requests in one go are answered one after the other, without a deadline`() {
        var clock = HeadClock(limit: 10, now: 0)
        for _ in 0..<3 {
            clock.headCame()
            clock.requestEnded()
        }
        clock.answered(now: 1)
        clock.bytesCame(now: 2)
        #expect(clock.deadline == nil)
        #expect(clock.isAnswering)
    }
}
