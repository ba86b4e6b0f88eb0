/** A mail server on loopback that speaks enough SMTP to take one mail, and at one command does as it is told. */
import { type AddressInfo, createServer, type Socket } from "node:net";

export type Verb = "greeting" | "EHLO" | "AUTH" | "MAIL" | "RCPT" | "DATA" | "mail";
/** A reply, or none: `stalls` says nothing any more, `dribbles` comes to no end, `closes` hangs up. */
export type Behaviour = { readonly at: Verb; readonly reply: string | "stalls" | "dribbles" | "closes" };

export interface SmtpServer {
  readonly port: number;
  /** Every line of the client outside the mail. */
  readonly heard: readonly string[];
  /** Mails as they came, head and body. */
  readonly mails: readonly string[];
  readonly close: () => void;
}

const usual: { readonly [V in Verb]: string } = {
  greeting: "220 loopback",
  EHLO: "250-loopback\r\n250-AUTH PLAIN\r\n250 8BITMIME",
  AUTH: "235 welcome",
  MAIL: "250 ok",
  RCPT: "250 ok",
  DATA: "354 go on",
  mail: "250 taken",
};

export const openSmtpServer = async (behaviour?: Behaviour): Promise<SmtpServer> => {
  const heard: string[] = [];
  const mails: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    const say = (verb: Verb): void => {
      const reply = behaviour?.at === verb ? behaviour.reply : usual[verb];
      if (reply === "closes") socket.destroy();
      else if (reply === "dribbles") {
        const more = setInterval(() => socket.write("250-more\r\n"), 10);
        socket.on("close", () => clearInterval(more));
      } else if (reply !== "stalls") socket.write(`${reply}\r\n`);
    };
    let left = "";
    let mail: string[] | undefined;
    socket.on("data", (chunk: Buffer) => {
      const lines = `${left}${chunk}`.split("\r\n");
      left = lines.pop() ?? "";
      for (const line of lines) {
        if (mail === undefined) {
          heard.push(line);
          const verb = line.split(/[ :]/)[0] as Verb;
          if (line === "QUIT") socket.end("221 bye\r\n");
          else if (verb in usual) say(verb);
          else socket.write("502 no\r\n");
          if (verb === "DATA") mail = [];
        } else if (line === ".") {
          mails.push(mail.join("\n"));
          mail = undefined;
          say("mail");
        } else mail.push(line);
      }
    });
    say("greeting");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    mails,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};
