{{ config(meta={'key': ['hospital_id', 'row_key', 'part']}) }}

{#-
  Findings, hung on the notes of the month. A note without a finding keeps one row with an empty
  `part`: it replaces what an older version of the note said.
-#}
select
    notes.hospital_id,
    notes.month,
    notes.row_key,
    notes.patient_key,
    notes.op,
    notes.file_id,
    notes.source_row,
    'note' as source_system,
    'note' as source_table,
    coalesce(findings.finding_id, '') as part,
    coalesce(findings.encounter_key, notes.encounter_key) as encounter_key,
    coalesce(findings.recorded_at, notes.written_at) as recorded_at,
    findings.* exclude (hospital_id, month, finding_id, note_key, patient_key, encounter_key, recorded_at, laterality, comparator),
    case left(findings.comparator, 1) when '<' then '<' when '>' then '>' else '=' end as comparator,
    -- OD, OS, OU of an eye; L, R, B of anything else
    case when findings.laterality in ('OD', 'OS', 'OU', 'L', 'R', 'B') then findings.laterality else 'U' end as laterality,
    coalesce(diagnoses.concept, by_code.concept, attributes.concept) as concept,
    coalesce(diagnoses.products, by_code.products, attributes.products) as products
from {{ ref('stg_clearward__note') }} as notes
left join {{ ref('stg_clearward__finding') }} as findings
    on notes.hospital_id = findings.hospital_id
    and notes.row_key = findings.note_key
    and notes.op <> 'D'
left join {{ ref('map_measurement_code') }} as by_code
    on findings.concept_code = by_code.code
    and findings.concept_system = by_code.code_system
left join {{ ref('int_diagnosis_code_mapped') }} as diagnoses
    on findings.attribute = 'diagnosis'
    and findings.concept_code = diagnoses.source_code
    and findings.concept_system = diagnoses.source_code_system
left join {{ ref('map_note_attribute') }} as attributes
    on lower(findings.attribute) = attributes.attribute
    and attributes.said in ('*', findings.value_text)
