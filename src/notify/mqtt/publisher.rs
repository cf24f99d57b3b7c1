//! The thread that talks with the broker. It connects, and connects again with growing
//! pauses; what has to arrive is taken from the spool in order, a few at a time, and
//! leaves it when the broker has acknowledged it.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, Outgoing, Packet,
    QoS, TlsConfiguration, Transport,
};
use serde::Deserialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout, timeout_at};

use super::address::{Address, slug};
use super::commands::Commands;
use super::spool::Spool;
use super::{Message, MqttOptions, PARTING};
use crate::error::{Error, Result};
use crate::throttle::ThrottledLog;
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
pub(super) struct Publisher {
    address: Address,
    broker: String,
    options: rumqttc::MqttOptions,
    spool: Spool,
    /// What holds at present, by topic.
    present: BTreeMap<String, Present>,
    commands: Commands,
    connected: bool,
    /// Changes that are on their way, oldest first.
    in_flight: VecDeque<u64>,
    /// Why there is no connection, as it was last logged.
    logged: Option<String>,
    connections: ThrottledLog,
    losses: ThrottledLog,
}

/// What holds under one topic.
struct Present {
    payload: Bytes,
    /// Whether this connection has been given it.
    said: bool,
}

impl Publisher {
    /// A publisher, not yet connected.
    ///
    /// # Errors
    /// The password or the certificates cannot be read.
    pub(super) fn new(options: &MqttOptions, spool: Spool) -> Result<Self> {
        let Address { host, port, .. } = &options.address;
        Ok(Self {
            address: options.address.clone(),
            broker: format!("{host}:{port}"),
            options: connection(options)?,
            spool,
            present: BTreeMap::new(),
            commands: Commands::default(),
            connected: false,
            in_flight: VecDeque::new(),
            logged: None,
            connections: ThrottledLog::default(),
            losses: ThrottledLog::default(),
        })
    }

    /// Works until there will be nothing more to send.
    pub(super) fn run(mut self, messages: Receiver<Message>) {
        self.say(self.availability(), "online");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.work(messages)),
            Err(error) => log::error!("mqtt: {error}"),
        }
    }

    async fn work(&mut self, mut messages: Receiver<Message>) {
        let mut pause = SHORTEST;
        loop {
            let begun = Instant::now();
            // A client of its own for each connection: nothing of the last one lives on.
            // There is room for the window, and as much beside it for what is said of the present.
            let (client, mut connection) = AsyncClient::new(self.options.clone(), 2 * WINDOW);
            // Changes are short, and each is to arrive at once.
            connection.network_options.set_tcp_nodelay(true);
            let (sender, mut events) = channel(1);
            tokio::spawn(drive(connection, sender));
            if !self
                .serve_connection(&client, &mut events, &mut messages)
                .await
            {
                return self.part(&client, &mut events).await;
            }
            if begun.elapsed() >= LONGEST {
                pause = SHORTEST;
            }
            // A fleet does not come back all at once.
            let until = Instant::now() + pause.mul_f64(fastrand::f64() * 0.5 + 0.75);
            pause = (2 * pause).min(LONGEST);
            loop {
                match timeout_at(until, messages.recv()).await {
                    Ok(Some(message)) => self.take(message, &client),
                    Ok(None) => return self.conclude(),
                    Err(_) => break,
                }
            }
        }
    }

    /// Sends the broker what there is to send, until it is gone; false when there will be
    /// nothing more.
    async fn serve_connection(
        &mut self,
        client: &AsyncClient,
        events: &mut Receiver<Polled>,
        messages: &mut Receiver<Message>,
    ) -> bool {
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.take(message, client),
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
            self.send_waiting(client);
        }
    }

    fn conclude(&self) {
        if self.spool.len() > 0 {
            log::info!("mqtt: {} changes wait for the next run", self.spool.len());
        }
    }

    fn take(&mut self, message: Message, client: &AsyncClient) {
        match message {
            Message::Change(record) => self.spool.push(record, !self.connected),
            // What waits is older: the present comes after it. It is said again soon, so it
            // may get lost.
            Message::Beat(record) => {
                if self.connected
                    && self.spool.len() == 0
                    && let Ok(topic) = self.topic_of(&record)
                {
                    publish(client, topic, QoS::AtMostOnce, record);
                }
            }
            Message::Present { topic, payload } => self.say(topic, payload),
            Message::Listen { topic, desk } => {
                if self.connected {
                    subscribe(client, &topic);
                }
                self.commands.add(topic, desk);
            }
        }
    }

    fn availability(&self) -> String {
        format!("{}/availability", self.address.topic)
    }

    /// Has something said, now or as soon as there is a connection with room for it.
    fn say(&mut self, topic: String, payload: impl Into<Bytes>) {
        let payload = payload.into();
        let said = false;
        self.present.insert(topic, Present { payload, said });
    }

    /// The topic of a record, by the source that it names.
    fn topic_of(&self, record: &[u8]) -> serde_json::Result<String> {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow, default)]
            source_name: Option<Cow<'a, str>>,
        }
        let Named { source_name } = serde_json::from_slice(record)?;
        let topic = self.address.topic_of(source_name.as_deref());
        Ok(format!("{topic}/decision"))
    }

    fn attend(&mut self, event: Event, client: &AsyncClient) {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                self.connections
                    .info(format_args!("mqtt: connected to {}", self.broker));
                (self.connected, self.logged) = (true, None);
                self.present.values_mut().for_each(|p| p.said = false);
                self.commands
                    .topics()
                    .for_each(|topic| subscribe(client, topic));
            }
            Event::Incoming(Packet::Publish(heard)) => {
                self.commands
                    .take(&heard.topic, &heard.payload, heard.retain);
            }
            // A broker acknowledges in the order in which it was sent to (MQTT 3.1.1, 4.6).
            Event::Incoming(Packet::PubAck(_)) => {
                if let Some(change) = self.in_flight.pop_front() {
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
                ) => {
                    format!("{error}: give the user as mqtt://USER@… and a file with the password")
                }
                _ => error.to_string(),
            };
            if self.logged.as_ref() != Some(&why) {
                log::warn!("mqtt: no connection to {}, trying on: {why}", self.broker);
                self.logged = Some(why);
            }
        }
        self.connected = false;
        self.in_flight.clear();
    }

    /// Hands to the client what waits, as far as there is room.
    fn send_waiting(&mut self, client: &AsyncClient) {
        if self.connected {
            self.send_present(client);
            self.send_changes(client);
        }
    }

    fn send_present(&mut self, client: &AsyncClient) {
        for (topic, present) in &mut self.present {
            if !present.said {
                let payload = present.payload.clone();
                present.said = publish(client, topic.clone(), QoS::AtMostOnce, payload);
            }
        }
    }

    fn send_changes(&mut self, client: &AsyncClient) {
        while self.in_flight.len() < WINDOW {
            let last = self.in_flight.back().copied();
            let Some((number, change)) = self.spool.next_after(last) else {
                return;
            };
            let topic = match self.topic_of(&change) {
                Ok(topic) => topic,
                Err(error) => {
                    log::warn!(
                        "mqtt: what waits in the spool as number {number} is left out, it is no record: {error}"
                    );
                    self.spool.remove(number);
                    continue;
                }
            };
            if !publish(client, topic, QoS::AtLeastOnce, change) {
                return;
            }
            self.in_flight.push_back(number);
        }
    }

    /// Sends what waits, then says good-bye: a will is for those who cannot.
    async fn part(&mut self, client: &AsyncClient, events: &mut Receiver<Polled>) {
        if self.connected
            && timeout(PARTING, self.take_leave(client, events))
                .await
                .is_err()
        {
            log::warn!("mqtt: {} does not answer at the end", self.broker);
        }
        self.conclude();
    }

    async fn take_leave(&mut self, client: &AsyncClient, events: &mut Receiver<Polled>) {
        let (mut leaving, mut gone) = (false, false);
        loop {
            if self.spool.len() == 0 && !leaving {
                leaving = true;
                self.say(self.availability(), "offline");
            }
            self.send_waiting(client);
            if leaving && !gone && self.present.values().all(|p| p.said) {
                gone = client.try_disconnect().is_ok();
            }
            match events.recv().await {
                Some(Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) | None => return,
                Some(Ok(event)) => self.attend(event, client),
            }
        }
    }
}

type Polled = std::result::Result<Event, ConnectionError>;

/// Keeps one connection going to its end. A task of its own, because half a packet is lost
/// with a poll that is given up.
async fn drive(mut connection: EventLoop, events: Sender<Polled>) {
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

fn subscribe(client: &AsyncClient, topic: &str) {
    if let Err(error) = client.try_subscribe(topic, QoS::AtLeastOnce) {
        log::warn!("mqtt: {topic} is not listened to: {error}");
    }
}

fn connection(options: &MqttOptions) -> Result<rumqttc::MqttOptions> {
    let Address {
        host,
        port,
        tls,
        user,
        topic,
    } = &options.address;
    let id = format!("ocelli-{}-{:08x}", slug(topic), fastrand::u32(..));
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
            Error::usage("mqtt password", "there is no user")
                .with_remedy("name one: mqtt://USER@HOST/TOPIC")
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
