-- Calls to look at after `supabase start` or `supabase db reset`: invented people, numbers that nobody has (+49 89 99999…).
-- It can be run again; what is there stays.

insert into agentctl.assistants (project, environment, workspace, key, name, language, agent_id, post_call)
values ('demo', 'production', 'demo', 'empfang', 'Empfang', 'de', 'agent_demo', '{"language": "de"}')
on conflict do nothing;

insert into agentctl.calls (
    conversation_id, agent_id, project, environment, assistant, assistant_name, status, direction, external_number,
    agent_number, channel, started_at, duration_secs, language, successful, event_timestamp, source, turn_count
)
select c.conversation_id, 'agent_demo', 'demo', 'production', 'empfang', 'Empfang', 'done', 'inbound', c.external_number,
    '+498999998100', 'phone', now() - c.ago, c.duration_secs, 'de', c.successful,
    extract(epoch from now() - c.ago)::bigint, 'webhook', c.turn_count
from (values
    ('conv_demo_rueckruf', '+498999998777', interval '40 minutes', 62, 'success', 5),
    ('conv_demo_termin', '+498999998778', interval '3 hours', 48, 'success', 4),
    ('conv_demo_aufgelegt', null, interval '1 day', 6, 'unknown', 1)
) as c (conversation_id, external_number, ago, duration_secs, successful, turn_count)
on conflict do nothing;

insert into agentctl.call_turns (conversation_id, position, role, message, at_secs)
values
    ('conv_demo_rueckruf', 0, 'agent', 'Guten Tag, hier ist der KI-Assistent der Werkstatt am Ring. Was kann ich für Sie tun?', 0),
    ('conv_demo_rueckruf', 1, 'user', 'Mein Name ist Erika Muster. Ich habe ein Angebot für neue Bremsen bekommen und noch eine Frage dazu.', 7),
    ('conv_demo_rueckruf', 2, 'agent', 'Dazu ruft Sie unsere Meisterin gern zurück. Wann passt es Ihnen?', 15),
    ('conv_demo_rueckruf', 3, 'user', 'Morgen um zehn wäre gut.', 22),
    ('conv_demo_rueckruf', 4, 'agent', 'Ich habe notiert: Rückruf morgen um zehn Uhr. Auf Wiederhören, Frau Muster.', 26),
    ('conv_demo_termin', 0, 'agent', 'Guten Tag, hier ist der KI-Assistent der Werkstatt am Ring. Was kann ich für Sie tun?', 0),
    ('conv_demo_termin', 1, 'user', 'Wann haben Sie denn am Samstag geöffnet?', 6),
    ('conv_demo_termin', 2, 'agent', 'Am Samstag sind wir von neun bis dreizehn Uhr da.', 11),
    ('conv_demo_termin', 3, 'user', 'Danke, dann komme ich vorbei.', 17),
    ('conv_demo_aufgelegt', 0, 'agent', 'Guten Tag, hier ist der KI-Assistent der Werkstatt am Ring. Was kann ich für Sie tun?', 0)
on conflict do nothing;

insert into agentctl.digests (conversation_id, engine, title, summary, language, outcome, sentiment, follow_up, caller_name)
values
    ('conv_demo_rueckruf', 'llm', 'Rückrufbitte zum Angebot', 'Erika Muster hat eine Frage zum Angebot für neue Bremsen und bittet um Rückruf.',
        'de', 'callback', 'neutral', true, 'Erika Muster'),
    ('conv_demo_termin', 'llm', 'Frage nach Öffnungszeiten', 'Die Öffnungszeiten am Samstag wurden genannt; der Anrufer kommt vorbei.',
        'de', 'answered', 'positive', false, null)
on conflict do nothing;

insert into agentctl.action_items (conversation_id, position, what, who, due, quote, turn)
values
    ('conv_demo_rueckruf', 0, 'Erika Muster wegen des Angebots für neue Bremsen zurückrufen', 'Meisterin', 'morgen um zehn',
        'Morgen um zehn wäre gut.', 3)
on conflict do nothing;
