{#- Cohorts: who is in, and at which step the others left. -#}

{#- Steps of a product in their order: id, flag in int_<product>_candidate, why a person leaves. -#}
{%- macro cohort_steps(product) -%}
  {%- set steps = {
    'ophthalmology': [
      ('eye_contact', 'no visit to an eye department and no eye code'),
      ('adult', 'under 18 at the first eye code, or age unknown'),
      ('arm', 'no diabetic retinopathy and no glaucoma code'),
      ('confirmed', 'one qualifying record only, and no eye examination or treatment near it'),
      ('lookback', 'less than 180 days in the hospital before the index day'),
      ('exam_after_index', 'no eye examination on or after the index day'),
      ('followup', 'no follow-up after the index day'),
    ],
    'neurology': [
      ('neuro_code', 'no code of stroke, epilepsy, Parkinson disease or dementia'),
      ('adult', 'under 18 at the first such code, or age unknown'),
      ('arm', 'stroke never the reason of an inpatient or emergency visit, and no other arm'),
      ('confirmed', 'not confirmed by imaging, treatment, score, neurology ward or repeated codes'),
    ],
    'cardiology': [
      ('cardiac_code', 'no code of heart failure, atrial fibrillation or coronary disease, and no revascularisation'),
      ('adult', 'under 18 at the first such code, or age unknown'),
      ('confirmed', 'one outpatient record only, and no test or treatment that confirms it'),
    ],
  } -%}
  {{- return(steps[product]) -}}
{%- endmacro -%}

{#- Persons with all flags of the steps: the columns a candidate model ends with. -#}
{%- macro cohort_of(product) -%}
  select *
  from {{ ref('int_' ~ product ~ '_candidate') }}
  where {% for step, reason in cohort_steps(product) %}is_{{ step }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro -%}

{#- One row per hospital and step; n_in of a step is n_out of the one before. -#}
{%- macro attrition_of(product) -%}
  {%- set steps = cohort_steps(product) -%}
  with counted as (
    {% for step, reason in steps %}
    select
      hospital_id,
      {{ loop.index }} as step_no,
      '{{ step }}' as step_id,
      '{{ reason }}' as reason,
      {% set before = steps[:loop.index0] %}
      {% set until = steps[:loop.index] %}
      count(*){% if before %} filter ({% for s, r in before %}is_{{ s }}{{ ' and ' if not loop.last }}{% endfor %}){% endif %} as n_in,
      count(*) filter ({% for s, r in until %}is_{{ s }}{{ ' and ' if not loop.last }}{% endfor %}) as n_out
    from {{ ref('int_' ~ product ~ '_candidate') }}
    group by hospital_id
    {{ 'union all' if not loop.last }}
    {% endfor %}
  )
  select
    hospital_id,
    cast(step_no as integer) as step_no,
    step_id,
    cast(n_in as integer) as n_in,
    cast(n_out as integer) as n_out,
    cast(n_in - n_out as integer) as n_excluded,
    reason,
    '{{ definition_hash(product) }}' as definition_md5
  from counted
{%- endmacro -%}

{#- Hash of the SQL that defines the steps: it changes when the definition does. -#}
{%- macro definition_hash(product) -%}
  {%- if execute -%}
    {%- set texts = [] -%}
    {%- for name in ['arm', 'candidate'] -%}
      {%- set node = graph.get('nodes', {}).get('model.clearward.int_' ~ product ~ '_' ~ name) -%}
      {%- do texts.append(node.raw_code if node else '') -%}
    {%- endfor -%}
    {{- local_md5(texts | join('\n')) -}}
  {%- endif -%}
{%- endmacro -%}
