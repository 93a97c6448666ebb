-- A wave of resellers with their customers and jobs, as the product would have recorded them, their events
-- interleaved. $1 seed, $2 first reseller, $3 resellers, $4 seconds between two resellers, $5 a sealed personal
-- field (JSON). Events of one reseller: 4 of its own and 21 for each of 47 customers.
WITH shape AS (
    SELECT step, 0 AS c FROM generate_series(0, 3) AS step
    UNION ALL
    SELECT step, c FROM generate_series(4, 24) AS step, generate_series(1, 47) AS c
), line AS (
    SELECT r, step, c,
           md5($1::text || ' reseller ' || r)::uuid AS reseller,
           md5($1::text || ' tenant ' || r || ' ' || c)::uuid AS tenant,
           md5($1::text || ' user ' || r || ' ' || c)::uuid AS person,
           -- Customers have three jobs each; the steps of a job count from 0.
           CASE WHEN step BETWEEN 8 AND 22 THEN md5($1::text || ' job ' || r || ' ' || c || ' ' || (step - 8) / 5)::uuid END AS job,
           CASE WHEN step BETWEEN 8 AND 22 THEN (step - 8) % 5 END AS job_step,
           to_char(timestamp '2025-11-01' + make_interval(secs => $4::float8 * (r + (step * 47 + c) / 1200.0)),
                   'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
    FROM generate_series($2::int, $2::int + $3::int - 1) AS r, shape
)
INSERT INTO es.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
SELECT
    CASE WHEN step = 0 THEN 'reseller' WHEN step IN (1, 3, 4, 23) THEN 'credit_account' WHEN step IN (2, 7) THEN 'user'
         WHEN step = 5 THEN 'tenant' WHEN step IN (6, 24) THEN 'subscription' WHEN job_step = 0 THEN 'recording' ELSE 'job' END,
    CASE WHEN step IN (0, 1, 3, 4, 23) THEN reseller WHEN step IN (2, 7) THEN person WHEN step IN (5, 6, 24) THEN tenant
         WHEN job_step = 0 THEN md5('recording ' || job)::uuid ELSE job END,
    CASE WHEN step IN (0, 1, 2, 5, 6, 7) THEN 1 WHEN step IN (3, 24) THEN 2 WHEN step = 4 THEN 2 + c WHEN step = 23 THEN 49 + c
         WHEN job_step = 0 THEN 1 ELSE job_step END,
    CASE WHEN job_step IS NOT NULL THEN
             (ARRAY['RecordingStored', 'JobQueued', 'JobDispatched', 'JobStarted', 'JobSucceeded'])[job_step + 1]
         WHEN step IN (4, 23) THEN 'CreditsDebited' WHEN step IN (6, 24) THEN 'AccessGranted'
         WHEN step IN (2, 7) THEN 'UserRegistered' WHEN step = 0 THEN 'ResellerRegistered'
         WHEN step = 1 THEN 'CreditAccountOpened' WHEN step = 3 THEN 'CreditsPurchased' ELSE 'TenantCreated' END,
    '1',
    CASE
        WHEN step = 0 THEN format('{"ResellerRegistered":{"name":"Reseller %s","contact_email":%s,"commission_rate":"0.20","time_zone":"Europe/Berlin"}}', r, $5::text)
        WHEN step = 1 THEN '"CreditAccountOpened"'
        WHEN step = 2 THEN format('{"UserRegistered":{"name":%1$s,"email":%1$s,"role":"reseller_owner","home":{"reseller":"%2$s"}}}', $5::text, reseller)
        WHEN step = 3 THEN '{"CreditsPurchased":{"pack_code":"enterprise","credits":9000,"price":{"amount_minor":900000,"currency":"USD"},"note":"first order","balance_after":9000}}'
        WHEN step IN (4, 23) THEN format('{"CreditsDebited":{"credits":30,"tenant_id":"%s","purpose":"%s","balance_after":%s}}',
            tenant, CASE step WHEN 4 THEN 'new_customer' ELSE 'extension' END, 9000 - 30 * CASE step WHEN 4 THEN c ELSE 47 + c END)
        WHEN step = 5 THEN format('{"TenantCreated":{"reseller_id":"%s","name":"Customer %s of %s","contact_email":%s}}', reseller, c, r, $5::text)
        WHEN step IN (6, 24) THEN format('{"AccessGranted":{"grant_id":"%s","tier":"premium","source":"credits","days":30,"starts_at":"%s","ends_at":"%s"}}',
            md5('grant ' || tenant || step)::uuid, at, to_char(at::timestamp + interval '30 days', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        WHEN step = 7 THEN format('{"UserRegistered":{"name":%1$s,"email":%1$s,"role":"customer_admin","home":{"tenant":{"reseller_id":"%2$s","tenant_id":"%3$s"}}}}', $5::text, reseller, tenant)
        WHEN job_step = 0 THEN format('{"RecordingStored":{"reseller_id":"%s","tenant_id":"%s","uploaded_by":"%s","name":"talk.wav","object_key":"recordings/%4$s","bytes":320044,"sha256":"%5$s%5$s","format":"wav","duration_ms":10000}}',
            reseller, tenant, person, md5('recording ' || job)::uuid, md5(job::text))
        WHEN job_step = 1 THEN format('{"JobQueued":{"reseller_id":"%s","tenant_id":"%s","submitted_by":"%s","recording_id":"%4$s","audio_key":"recordings/%4$s","model":"small","language":"en","task":"transcribe","concurrent_jobs_max":5}}',
            reseller, tenant, person, md5('recording ' || job)::uuid)
        WHEN job_step = 2 THEN '{"JobDispatched":{"attempt":1}}'
        WHEN job_step = 3 THEN '{"JobStarted":{"attempt":1,"delivery":1,"worker":"worker-1","device":"cpu"}}'
        ELSE format('{"JobSucceeded":{"attempt":1,"result":{"object_key":"transcripts/%s.json","sha256":"%2$s%2$s","language":"en","audio_ms":10000,"segments":3,"model_sha256":"%2$s%2$s","compute":"cpu f32"}}}', job, md5(job::text))
    END::jsonb,
    jsonb_build_object('tenant_id', CASE WHEN step < 5 OR step = 23 THEN reseller ELSE tenant END, 'reseller_id', reseller,
                       'actor', person, 'command_id', md5(reseller::text || step || c)::uuid, 'at', at)
FROM line
ORDER BY step, c, r
