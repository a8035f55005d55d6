//! Fault-injecting proxy in front of an endpoint that speaks AWS's APIs. It records each call, and
//! applies rules: it refuses calls, delays or drops responses, truncates or corrupts them.
//!
//! One connection per call: a fault of one does not affect another.

mod call;
mod fault;
mod signature;

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use self::{call::Request, fault::Protocol};
use crate::Account;

pub use self::{
    call::Call,
    fault::{Fault, Rule},
};

/// A running proxy; it accepts no more calls when dropped.
pub struct Proxy {
    address: SocketAddr,
    account: Account,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    /// The keys with which a request is signed again, because its `Host` changes behind the proxy.
    keys: (String, String),
    state: Mutex<ProxyState>,
    over: AtomicBool,
}

#[derive(Default)]
struct ProxyState {
    rules: Vec<Rule>,
    latency: Duration,
    calls: Vec<Call>,
    /// Number of calls without a response yet, and its maximum.
    open: usize,
    most: usize,
}

impl Proxy {
    /// Starts a proxy in front of `account`, without faults.
    pub fn start(account: &Account) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("a port");
        let shared = Arc::new(Shared {
            upstream: account.url.trim_start_matches("http://").to_owned(),
            keys: (account.access_key.clone(), account.secret_key.clone()),
            state: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.over.load(Ordering::Acquire) {
                    return;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&serving)) else { continue };
                // The caller reports a broken call.
                thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Self { address, account: account.through(format!("http://{address}")), shared }
    }

    /// The account behind the proxy, with the proxy's endpoint.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Adds a rule.
    pub fn fault(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// The number of faults so far.
    pub fn faults(&self) -> usize {
        self.shared.state().rules.iter().map(Rule::done).sum()
    }

    /// Delays every response by this time.
    pub fn delay(&self, latency: Duration) {
        self.shared.state().latency = latency;
    }

    /// Removes all rules. Returns them, each with the number of its faults.
    pub fn clear_faults(&self) -> Vec<Rule> {
        let mut state = self.shared.state();
        state.latency = Duration::ZERO;
        std::mem::take(&mut state.rules)
    }

    /// Takes the maximum number of concurrent calls since the last call of this.
    pub fn most_at_once(&self) -> usize {
        std::mem::take(&mut self.shared.state().most)
    }

    /// Takes the calls since the last call of this.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.shared.state().calls)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, ProxyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles one request and its response.
    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        client.set_nodelay(true)?;
        let Some(request) = Request::read(&mut client)? else { return Ok(()) };
        {
            let mut state = self.state();
            state.open += 1;
            state.most = state.most.max(state.open);
        }
        let answered = self.answer(&request, &mut client);
        self.state().open -= 1;
        answered
    }

    fn answer(&self, request: &Request, client: &mut TcpStream) -> std::io::Result<()> {
        let call = request.call();
        let (fault, latency) = {
            let mut state = self.state();
            let fault = state.rules.iter_mut().find_map(|rule| rule.meet(&call));
            state.calls.push(Call { fault: fault.clone(), ..call });
            (fault, state.latency)
        };
        thread::sleep(latency);
        let protocol = Protocol::of(request);
        match fault {
            None => self.relay(request, client, &mut |_| true),
            Some(Fault::Late(time)) => {
                thread::sleep(time);
                self.relay(request, client, &mut |_| true)
            }
            Some(Fault::Refuse(refusal)) => client.write_all(&refusal.render(protocol)),
            Some(Fault::RefuseDone(refusal)) => {
                self.swallow(request)?;
                client.write_all(&refusal.render(protocol))
            }
            Some(Fault::Reset) => fault::reset(client),
            Some(Fault::ResetDone) => {
                self.swallow(request)?;
                fault::reset(client)
            }
            Some(Fault::Truncate) => {
                let mut cut = fault::Cut::default();
                self.relay(request, client, &mut |piece| cut.shorten(piece))
            }
            Some(Fault::Corrupt) => {
                let mut spoil = fault::Spoil::default();
                self.relay(request, client, &mut |piece| spoil.spoil(piece))
            }
        }
    }

    /// Forwards the request, and returns the response, changed by `change` piece by piece; `false`
    /// of it ends the response.
    fn relay(
        &self,
        request: &Request,
        client: &mut TcpStream,
        change: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> std::io::Result<()> {
        let mut upstream = self.send(request)?;
        let gone = client.try_clone()?;
        let stop = upstream.try_clone()?;
        // A caller that disconnects ends a response without an end of its own, such as a live tail.
        thread::spawn(move || {
            let (mut gone, mut byte) = (gone, [0]);
            drop(gone.read(&mut byte));
            drop(stop.shutdown(Shutdown::Both));
        });
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = upstream.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            let mut piece = buffer[..count].to_vec();
            let goes_on = change(&mut piece);
            client.write_all(&piece)?;
            if !goes_on {
                break;
            }
        }
        client.shutdown(Shutdown::Both)
    }

    /// Forwards the request, and drops the response.
    fn swallow(&self, request: &Request) -> std::io::Result<()> {
        self.send(request)?.read_to_end(&mut Vec::new()).map(drop)
    }

    fn send(&self, request: &Request) -> std::io::Result<TcpStream> {
        let head = signature::forwarded(request, &self.upstream, &self.keys);
        let mut upstream = TcpStream::connect(&self.upstream)?;
        upstream.set_nodelay(true)?;
        upstream.write_all(&[head.as_bytes(), &request.body].concat())?;
        Ok(upstream)
    }
}
