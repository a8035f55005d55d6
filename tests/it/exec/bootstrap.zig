// A bootstrap over a socket: GET next, POST response.
const std = @import("std");

var buffer: [1 << 20]u8 = undefined;

fn ask(api: []const u8, head: []const u8, body: []const u8) ![]const u8 {
    const colon = std.mem.lastIndexOfScalar(u8, api, ':').?;
    const port = try std.fmt.parseInt(u16, api[colon + 1 ..], 10);
    const stream = try std.net.tcpConnectToAddress(try std.net.Address.parseIp(api[0..colon], port));
    defer stream.close();
    var request: [4096]u8 = undefined;
    const text = try std.fmt.bufPrint(&request, "{s} HTTP/1.1\r\nHost: {s}\r\nConnection: close\r\n" ++
        "Content-Length: {d}\r\n\r\n{s}", .{ head, api, body.len, body });
    try stream.writeAll(text);
    var length: usize = 0;
    while (true) {
        const count = try stream.read(buffer[length..]);
        if (count == 0) break;
        length += count;
    }
    return buffer[0..length];
}

fn field(response: []const u8, name: []const u8) ?[]const u8 {
    var lines = std.mem.splitSequence(u8, response, "\r\n");
    while (lines.next()) |line| {
        if (line.len > name.len and std.ascii.eqlIgnoreCase(line[0..name.len], name))
            return std.mem.trim(u8, line[name.len + 1 ..], " ");
    }
    return null;
}

pub fn main() !void {
    const api = std.posix.getenv("AWS_LAMBDA_RUNTIME_API").?;
    while (true) {
        const response = try ask(api, "GET /2018-06-01/runtime/invocation/next", "");
        const body = response[std.mem.indexOf(u8, response, "\r\n\r\n").? + 4 ..];
        const id = field(response, "lambda-runtime-aws-request-id").?;
        var head: [512]u8 = undefined;
        var answer: [2048]u8 = undefined;
        const line = try std.fmt.bufPrint(&head, "POST /2018-06-01/runtime/invocation/{s}/response", .{id});
        _ = try ask(api, line, try std.fmt.bufPrint(&answer, "{{\"got\":{s}}}", .{body}));
    }
}
