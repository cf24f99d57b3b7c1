//! The thread that talks with the broker. It connects, and connects again with growing
//! pauses; what has to arrive is taken from the spool in order, a few at a time, and
//! leaves it when the broker has acknowledged it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, Outgoing, Packet,
    QoS, TlsConfiguration, Transport,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Address, MqttOptions, PARTING, Spool, Word, discovery};
use crate::error::{Error, Result};
use crate::seldom::Seldom;
use crate::tls;

/// Changes under way at a time.
const WINDOW: usize = 16;
/// The first pause before connecting again; it doubles up to `LONGEST`, and begins anew
/// after a connection that lasted as long.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// How soon a broker learns that this end is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Largest message, in bytes: discovery of a thousand labels is about 30 kB.
const LARGEST: usize = 4 << 20;

/// The thread's state.
pub struct Publisher {
    topic: String,
    broker: String,
    discovery_topic: Option<String>,
    options: rumqttc::MqttOptions,
    spool: Spool,
    discovery: Option<Bytes>,
    status: Option<Bytes>,
    connected: bool,
    /// Changes that are on their way, oldest first.
    flying: VecDeque<u64>,
    told: Option<String>,
    news: Seldom,
    losses: Seldom,
}

impl Publisher {
    /// A publisher, not yet connected.
    ///
    /// # Errors
    /// The password or the certificates cannot be read.
    pub fn new(options: &MqttOptions, spool: Spool) -> Result<Self> {
        let Address {
            host, port, topic, ..
        } = &options.address;
        Ok(Self {
            topic: topic.clone(),
            broker: format!("{host}:{port}"),
            discovery_topic: discovery::topic(options),
            options: connection(options)?,
            spool,
            discovery: None,
            status: None,
            connected: false,
            flying: VecDeque::new(),
            told: None,
            news: Seldom::default(),
            losses: Seldom::default(),
        })
    }

    /// Works until nobody tells it anything any more.
    pub fn run(mut self, words: Receiver<Word>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.work(words)),
            Err(error) => log::error!("mqtt: {error}"),
        }
    }

    async fn work(&mut self, mut words: Receiver<Word>) {
        let mut pause = SHORTEST;
        loop {
            let begun = Instant::now();
            // A client of its own for each connection: nothing of the last one lives on.
            // There is room for the window and all that is said of the present beside it.
            let (client, mut connection) = AsyncClient::new(self.options.clone(), 2 * WINDOW);
            // Changes are short, and each is to arrive at once.
            connection.network_options.set_tcp_nodelay(true);
            let (sender, mut events) = channel(1);
            tokio::spawn(drive(connection, sender));
            if !self.converse(&client, &mut events, &mut words).await {
                return self.part(&client, &mut events).await;
            }
            if begun.elapsed() >= LONGEST {
                pause = SHORTEST;
            }
            // A fleet does not come back all at once.
            let until = Instant::now() + pause.mul_f64(fastrand::f64() * 0.5 + 0.75);
            pause = (2 * pause).min(LONGEST);
            loop {
                match timeout_at(until, words.recv()).await {
                    Ok(Some(word)) => self.hear(word, &client),
                    Ok(None) => return self.conclude(),
                    Err(_) => break,
                }
            }
        }
    }

    /// Tells the broker what there is to tell, until it is gone; false when nobody tells
    /// anything any more.
    async fn converse(
        &mut self,
        client: &AsyncClient,
        events: &mut Receiver<Happening>,
        words: &mut Receiver<Word>,
    ) -> bool {
        loop {
            tokio::select! {
                word = words.recv() => match word {
                    Some(word) => self.hear(word, client),
                    None => return false,
                },
                event = events.recv() => match event {
                    Some(Ok(event)) => self.attend(event, client),
                    Some(Err(error)) => {
                        self.lose(&error);
                        return true;
                    }
                    None => return true,
                },
            }
            self.send_changes(client);
        }
    }

    fn conclude(&self) {
        if self.spool.len() > 0 {
            log::info!("mqtt: {} changes wait for the next run", self.spool.len());
        }
    }

    fn hear(&mut self, word: Word, client: &AsyncClient) {
        match word {
            Word::Change(record) => self.spool.push(record, !self.connected),
            // What waits is older: the present comes after it.
            Word::Beat(record) if self.spool.len() == 0 => {
                self.say(client, "decision", record);
            }
            Word::Beat(_) => {}
            Word::Status(status) => {
                self.status = Some(status.clone());
                self.say(client, "status", status);
            }
            Word::Discovery(message) => {
                self.discovery = Some(message);
                self.announce(client);
            }
        }
    }

    /// Says what holds at present; it is said again soon, so it may get lost.
    fn say(&self, client: &AsyncClient, what: &str, payload: impl Into<Bytes>) {
        if self.connected {
            let topic = format!("{}/{what}", self.topic);
            publish(client, topic, QoS::AtMostOnce, payload.into());
        }
    }

    fn announce(&self, client: &AsyncClient) {
        if let (true, Some(topic), Some(message)) =
            (self.connected, &self.discovery_topic, &self.discovery)
        {
            publish(client, topic.clone(), QoS::AtMostOnce, message.clone());
        }
    }

    fn attend(&mut self, event: Event, client: &AsyncClient) {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                self.news
                    .note(format_args!("mqtt: connected to {}", self.broker));
                (self.connected, self.told) = (true, None);
                self.announce(client);
                self.say(client, "availability", "online");
                if let Some(status) = self.status.clone() {
                    self.say(client, "status", status);
                }
            }
            // A broker acknowledges in the order in which it was sent to (MQTT 3.1.1, 4.6).
            Event::Incoming(Packet::PubAck(_)) => {
                if let Some(change) = self.flying.pop_front() {
                    self.spool.remove(change);
                }
            }
            _ => {}
        }
    }

    /// The broker is gone, or not there yet: what was under way starts again.
    fn lose(&mut self, error: &ConnectionError) {
        if self.connected {
            self.losses
                .warn(format_args!("mqtt: {} is lost: {error}", self.broker));
        } else {
            let why = match error {
                ConnectionError::ConnectionRefused(
                    ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
                ) => format!("{error}: give the user as mqtt://USER@… and --mqtt-password-file"),
                _ => error.to_string(),
            };
            if self.told.as_ref() != Some(&why) {
                log::warn!("mqtt: no connection to {}, trying on: {why}", self.broker);
                self.told = Some(why);
            }
        }
        self.connected = false;
        self.flying.clear();
    }

    /// Hands changes to the client as far as the window goes.
    fn send_changes(&mut self, client: &AsyncClient) {
        while self.connected && self.flying.len() < WINDOW {
            let last = self.flying.back().copied();
            let Some((number, change)) = self.spool.next_after(last) else {
                return;
            };
            let topic = format!("{}/decision", self.topic);
            if !publish(client, topic, QoS::AtLeastOnce, change) {
                return;
            }
            self.flying.push_back(number);
        }
    }

    /// Sends what waits, then says good-bye: a will is for those who cannot.
    async fn part(&mut self, client: &AsyncClient, events: &mut Receiver<Happening>) {
        if self.connected
            && timeout(PARTING, self.take_leave(client, events))
                .await
                .is_err()
        {
            log::warn!("mqtt: {} does not answer at the end", self.broker);
        }
        self.conclude();
    }

    async fn take_leave(&mut self, client: &AsyncClient, events: &mut Receiver<Happening>) {
        let mut leaving = false;
        loop {
            self.send_changes(client);
            if self.spool.len() == 0 && !leaving {
                leaving = true;
                self.say(client, "availability", "offline");
                if client.try_disconnect().is_err() {
                    return;
                }
            }
            match events.recv().await {
                Some(Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) | None => return,
                Some(Ok(event)) => self.attend(event, client),
            }
        }
    }
}

type Happening = std::result::Result<Event, ConnectionError>;

/// Keeps one connection going to its end. A task of its own, because half a packet is lost
/// with a poll that is given up.
async fn drive(mut connection: EventLoop, events: Sender<Happening>) {
    loop {
        let event = connection.poll().await;
        let over = event.is_err();
        if events.send(event).await.is_err() || over {
            return;
        }
    }
}

/// Queues a retained message; whether there was room for it.
fn publish(client: &AsyncClient, topic: String, qos: QoS, payload: Bytes) -> bool {
    const RETAIN: bool = true;
    client.try_publish(topic, qos, RETAIN, payload).is_ok()
}

fn connection(options: &MqttOptions) -> Result<rumqttc::MqttOptions> {
    let Address {
        host,
        port,
        tls,
        user,
        topic,
    } = &options.address;
    let id = format!(
        "ocelli-{}-{:08x}",
        options.address.slug(),
        fastrand::u32(..)
    );
    let mut connection = rumqttc::MqttOptions::new(id, host, *port);
    connection
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_max_packet_size(LARGEST, LARGEST)
        .set_last_will(LastWill::new(
            format!("{topic}/availability"),
            "offline",
            QoS::AtLeastOnce,
            true,
        ));
    if let Some(file) = &options.password_file {
        let password = std::fs::read_to_string(file).map_err(|e| {
            Error::usage(file.display().to_string(), "the password cannot be read").caused_by(e)
        })?;
        let user = user.as_deref().ok_or_else(|| {
            Error::usage("--mqtt-password-file", "there is no user")
                .remedy("name one: mqtt://USER@HOST/TOPIC")
        })?;
        connection.set_credentials(user, password.trim_end_matches(['\r', '\n']));
    } else if let Some(user) = user {
        connection.set_credentials(user, "");
    }
    if *tls {
        let config = tls::client(options.ca.as_deref())?;
        connection.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    }
    Ok(connection)
}
